import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Corpus, Dialogue } from "../corpus";
import { sha256, shownPath } from "../io";
import type { PretrainedModel } from "../models/pretrained";
import { findTrainable, type TrainableRow, trainableTable } from "../models/lora";
import {
  checksum,
  DEFAULT_TRAINING,
  crossEntropyObjective,
  exampleBatches,
  loraPolicy,
  readTrainingLog,
  specFingerprint,
  type StepLog,
  train,
  type TrainingHooks,
  type TrainingResult,
} from "../training";
import { sections, valuesIn } from "../settings";
import { adaptation } from "./adaptation";
import { baseName } from "./base";
import {
  type EncodedExamples,
  encodeExamples,
  experimentSplits,
  inputBuilder,
  type Truncation,
} from "./examples";
import { readSettings, SAVED_VERSION, writeSettings } from "./saved";
import { type ExperimentSettings, parseExperiment, trainingSettings } from "./settings";

/** What experiments share: the model that they start from, the conversations, and where their files go. */
export interface ExperimentContext {
  readonly base: PretrainedModel;
  readonly corpus: Pick<Corpus, "splits">;
  /** Every run has a folder in this one. */
  readonly directory: string;
  readonly hooks?: TrainingHooks;
  /**
   * Steps between checkpoints, from which a run that was cut goes on.
   * @default 50
   */
  readonly saveSteps?: number;
}

/** A model to be evaluated: the base as it is or with an adapter, and the settings that its inputs are made by. */
export interface ExperimentModel {
  readonly settings: ExperimentSettings;
  readonly base: PretrainedModel;
  /** Where snippets come from: the training split. */
  readonly pool: readonly Dialogue[];
  /** Directory of the adapter; without it the base is taken as it is. */
  readonly adapter?: string;
}

export interface TrainedExperiment extends ExperimentModel {
  readonly adapter: string;
  /** Fingerprint of base, examples and training settings; the first part names the run's folder. */
  readonly key: string;
  /** The run's folder: `adapter/` and `training_log.jsonl`. */
  readonly directory: string;
  readonly log: readonly StepLog[];
  readonly steps: number;
  /** The lowest validation loss and its step, where it was measured. */
  readonly best?: TrainingResult["best"];
  /** Wall-clock time of the steps, those of earlier processes included. */
  readonly seconds: number;
  /** What did not fit the training examples. */
  readonly truncation: Truncation;
  /** Trainable parameters by part. */
  readonly table: readonly TrainableRow[];
  /** Whether it lay there finished, so that nothing was trained. */
  readonly found: boolean;
}

/** A run that was told to stop. Its last step is saved: the same call goes on from there. */
export class ExperimentInterrupted extends Error {
  constructor(
    readonly step: number,
    readonly directory: string,
  ) {
    super(`stopped after step ${step}, which is saved in ${shownPath(directory)}; run it again to go on`);
  }
}

/**
 * Trains the adapter of `settings`, or finishes it where it was cut, or finds it. Its folder under `context.directory` is
 * named by a fingerprint of everything that decides the training, so that equal runs are done once, whoever asks, and runs
 * that differ never meet.
 *
 * @throws {ExperimentInterrupted} if `hooks.signal` stopped it
 * @throws {TrainingDiverged} if a loss or gradient was no finite number
 */
export async function trainExperiment(
  settings: ExperimentSettings,
  { base, corpus, directory: parent, hooks = {}, saveSteps = 50 }: ExperimentContext,
): Promise<TrainedExperiment> {
  const checked = parseExperiment(settings, "experiment settings");
  const { pool, train: trainExamples, validation } = await experimentExamples(checked, { base, corpus });
  const { truncation } = trainExamples;
  const baseModel = baseName(base);
  const { architecture, config } = base.checkpoint;
  const policy = loraPolicy(base.checkpoint, {
    ...adaptation(checked, base.checkpoint),
    seed: checked.seed,
    baseModel,
    frozenWeights: checked.frozenWeights,
  });
  const spec = {
    policy,
    objective: crossEntropyObjective(checked.labelSmoothing),
    data: exampleBatches(trainExamples.examples, validation.examples, {
      taskType: architecture.taskType,
      padTokenId: config.padTokenId,
      padToMultipleOf: PAD_TO_MULTIPLE_OF,
    }),
  };
  const key = sha256(
    JSON.stringify({ SAVED_VERSION, settings: trainingSettings(checked), spec: specFingerprint(spec) }),
  );
  const directory = join(parent, key.slice(0, 12));
  const adapter = join(directory, "adapter");
  const logPath = join(directory, "training_log.jsonl");
  const model = { settings: checked, base, pool, adapter, key, directory, table: policy.table };

  // A run that was interrupted in a notebook may still be saving when its cell runs again.
  while (running.has(directory)) await running.get(directory)!.catch(() => undefined);
  const outcome = finish();
  running.set(directory, outcome);
  return outcome.finally(() => running.delete(directory));

  async function finish(): Promise<TrainedExperiment> {
    const saved = readSettings(adapter);
    if (saved?.key === key) {
      const { steps, best, seconds, truncation } = saved;
      return { ...model, log: readTrainingLog(logPath), steps, best, seconds, truncation, found: true };
    }
    const baseChecksum = baseChecksumOf(base);
    const result = await train(
      spec,
      {
        ...DEFAULT_TRAINING,
        outputDirectory: directory,
        ...trainerOptions(checked),
        ...(validation.examples.length > 0 ? {} : { evalSteps: 0 }),
        saveSteps,
        saveTotalLimit: 1,
      },
      hooks,
    );
    const { step: steps, log, best } = result;
    if (result.stopped === "interrupted") throw new ExperimentInterrupted(steps, directory);
    const seconds = log.reduce((sum, row) => sum + row.seconds, 0);
    policy.write(adapter);
    const described = { key, settings: checked, baseModel, baseChecksum, steps, best, seconds, truncation };
    writeSettings(adapter, described);
    removeCheckpoints(directory);
    return { ...model, log, steps, best, seconds, truncation, found: false };
  }
}

/** Runs of this process that are under way, by their folder. */
const running = new Map<string, Promise<TrainedExperiment>>();

/** How the settings train, in the trainer's words. */
function trainerOptions({ seed, ...settings }: ExperimentSettings) {
  const { gradientAccumulation, ...optimization } = valuesIn(sections.optimization, settings);
  return {
    seed,
    ...optimization,
    gradientAccumulationSteps: gradientAccumulation,
    ...valuesIn(sections.validation, settings),
  };
}

/** How many parameters the settings train, by part, before anything is trained. */
export function experimentParameters(
  settings: ExperimentSettings,
  { checkpoint: { architecture, config } }: Pick<PretrainedModel, "checkpoint">,
): TrainableRow[] {
  const shapes = new Map(Object.entries(architecture.parameterShapes(config)));
  const { lora, unfreezing } = adaptation(settings, { architecture, config });
  return trainableTable(architecture, shapes, lora, findTrainable(architecture, shapes, lora, unfreezing));
}

/** Tells base models apart. */
function baseChecksumOf({ checkpoint }: Pick<PretrainedModel, "checkpoint">): string {
  const { architecture, config, parameters } = checkpoint;
  return checksum(parameters, Object.keys(architecture.parameterShapes(config)));
}

/** The examples of an experiment, and the conversations that its snippets come from. */
export async function experimentExamples(
  settings: ExperimentSettings,
  { base: { tokenizer, checkpoint }, corpus }: Pick<ExperimentContext, "base" | "corpus">,
): Promise<{ pool: readonly Dialogue[]; train: EncodedExamples; validation: EncodedExamples }> {
  const pool = corpus.splits.train;
  const { train, valid } = experimentSplits(corpus.splits, settings);
  const buildInputs = inputBuilder(settings, pool, tokenizer);
  const encode = (conversations: readonly Dialogue[], asked: ExperimentSettings) =>
    encodeExamples(conversations, buildInputs, tokenizer, asked, checkpoint.architecture.taskType);
  // The validation loss is that of plain labels, so that runs with different weights compare.
  return {
    pool,
    train: await encode(train, settings),
    validation: await encode(valid, { ...settings, personaWeight: 1 }),
  };
}

/** Lengths of a batch are rounded up to a multiple of this: few shapes, each of which is compiled once. */
const PAD_TO_MULTIPLE_OF = 32;

/** A finished run needs no moments to go on with; they are twice as large as the adapter. */
function removeCheckpoints(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (/^checkpoint-\d+$/.test(name)) rmSync(join(directory, name), { recursive: true });
  }
}

/** The base model with the inputs of `settings`: what training starts from, to compare with. */
export function untrainedExperiment(
  settings: ExperimentSettings,
  { base, corpus }: Pick<ExperimentContext, "base" | "corpus">,
): ExperimentModel {
  return { settings: parseExperiment(settings, "experiment settings"), base, pool: corpus.splits.train };
}

/**
 * Opens an adapter that {@link trainExperiment} left, wherever it lies now, with the settings that lie beside it.
 *
 * @throws {Error} if there are none, or if it was trained on another base model
 */
export function openExperiment(
  adapter: string,
  { base, corpus }: Pick<ExperimentContext, "base" | "corpus">,
): ExperimentModel & { readonly adapter: string } {
  const saved = readSettings(adapter);
  if (!saved)
    throw new Error(`${adapter}: no settings.json, so nobody knows which inputs it was trained with`);
  if (saved.baseChecksum !== baseChecksumOf(base)) {
    throw new Error(
      `${adapter}: was trained on ${saved.baseModel} as it was then, not on the model in ${baseName(base)}`,
    );
  }
  return { settings: saved.settings, base, pool: corpus.splits.train, adapter };
}
