import { loadCorpus } from "../corpus";
import { evaluateVariants, evaluationPaths } from "../evaluation";
import {
  defaultExperiment,
  ExperimentInterrupted,
  experimentSplits,
  experimentVariant,
  loadBase,
  parseExperiment,
  trainExperiment,
} from "../experiments";
import { sha256 } from "../io";
import { checksumOf } from "./checksum";
import type { GridTask } from "./task";

/** Steps between checkpoints: what a killed run loses at most. */
const SAVE_STEPS = 20;

/** Trains an adapter and evaluates it: any of the experiments' settings can be varied. */
export const gridTask: GridTask = {
  settings: (given, profile) => defaultExperiment(profile, given),

  async inputs(profile, runs) {
    const { source, checkpoint } = await loadBase(profile);
    checkpoint.close();
    const { files } = await loadCorpus({ profile });
    const model = await checksumOf(source.directory);
    const corpus = sha256(files.map((file) => file.sha256).join());
    return runs.map(() => ({ model, corpus }));
  },

  work: ({ maxSteps }) => ({ units: Number(maxSteps), unit: "steps" }),

  files: (id) => Object.values(evaluationPaths({ directory: "", runId: id })),

  async run(given, { id, family, directory, folder, profile, signal, phase, progress }) {
    const settings = parseExperiment(given, `run ${id}`);
    const base = await loadBase(profile);
    let began = false;
    try {
      const corpus = await loadCorpus({ profile });
      const { test } = experimentSplits(corpus.splits, settings);
      phase("training");
      const trained = await trainExperiment(settings, {
        base,
        corpus,
        directory: folder,
        saveSteps: SAVE_STEPS,
        hooks: {
          signal,
          onMessage: (message) => console.error(message),
          onStep: ({ step, loss }) => {
            if (!began) progress(step - 1);
            began = true;
            progress(step, `loss ${loss.toFixed(3)}`);
          },
        },
      });
      if (!began) progress(trained.steps);
      if (signal.aborted) return undefined;
      phase("evaluating");
      progress(trained.steps, "evaluating");
      const place = { directory, runId: id, seed: settings.seed };
      await evaluateVariants([experimentVariant(id, trained, {}, family)], test, place);
      const tokens = trained.log.reduce((sum, row) => sum + row.tokensPerSecond * row.seconds, 0);
      return { steps: trained.steps, tokens: Math.round(tokens) };
    } catch (error) {
      if (error instanceof ExperimentInterrupted) return undefined;
      throw error;
    } finally {
      base.checkpoint.close();
    }
  },
};
