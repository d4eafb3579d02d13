import { readRows } from "../../corpus";
import { startProgress } from "../../display";
import {
  describePairs,
  dpoObjective,
  encodePairs,
  endNotTaught,
  type ExampleBatchesOptions,
  type FrozenModel,
  namedReference,
  openReference,
  type Pair,
  pairBatches,
  ReferenceInterrupted,
  referenceLogprobs,
  referenceSchema,
  type ScoredPairs,
  type TrainingHooks,
} from "../../training";
import { sections } from "../../settings";
import { fileRun } from "./files";
import { method, type MethodRun } from "./method";
import { openPolicy, startAdapter, stopTokens, tokenizerFor } from "./model";
import { fileParts, fileSections, modelParts, modelSections } from "./parts";

/** Lengths of a batch are rounded up to a multiple of this: few shapes, each of which is compiled once. */
const PAD_TO_MULTIPLE_OF = 32;

/** Direct preference optimisation; see `docs/methods/dpo.md`. */
export const dpo = method({
  name: "dpo",
  summary:
    "Direct preference optimisation: makes answers that people prefer likelier than those that they do not, held to a reference, from " +
    'rows of {"prompt": …, "chosen": …, "rejected": …}.',
  parts: {
    ...modelParts,
    ...fileParts,
    reference: referenceSchema
      .optional()
      .describe(
        'what the policy is held to: {"kind": "base"}, the model without an adapter; {"kind": "adapter", "directory": …}; or {"kind": "model", ' +
          '"directory": …}. Base where nothing is said; with adapter it must be said',
      ),
  },
  sections: [...modelSections, ...fileSections, sections.preference],
  // The rate and the schedule of TRL, with ten times the rate for an adapter; log-probabilities are compared without dropout.
  defaults: { learningRate: 1e-5, schedule: "linear", warmupSteps: 0, trainHead: false, loraDropout: 0 },
  watched: ["rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected"],
  example: {
    model: "HuggingFaceTB/SmolLM2-135M-Instruct",
    adapter: "outputs/people",
    reference: { kind: "adapter", directory: "outputs/people" },
    data: "preferred.jsonl",
    output: "outputs/preferred",
    epochs: 1,
    batchSize: 4,
    maxLength: 512,
  },
  async prepare(config, model) {
    const { maxLength, validation, adapter, frozenWeights, batchSize, seed } = config;
    if (config.loraDropout !== 0)
      throw new Error(
        `loraDropout: is ${config.loraDropout}, but log-probabilities are compared without dropout: leave it out`,
      );
    const { architecture, config: modelConfig } = model.checkpoint;
    const { taskType } = architecture;
    const start = adapter === undefined ? undefined : startAdapter(adapter, model);
    const named = namedReference(config.reference, start);
    const files = [config.data, ...(validation === undefined ? [] : [validation])];
    const [rows, validationRows] = files.map((path) => readRows(path, ["preference"]));
    const { tokenizer, notes } = await tokenizerFor(model, rows!);
    const encode = (from: typeof rows) => from && encodePairs(from, { tokenizer, taskType, maxLength });
    const [train, valid] = [encode(rows)!, encode(validationRows)];

    const reference = await openReference(named, model.checkpoint, {
      ...(start && { start }),
      frozenWeights,
      tokenizer: model.tokenizer,
    });
    const batches = { taskType, padTokenId: modelConfig.padTokenId, padToMultipleOf: PAD_TO_MULTIPLE_OF };
    const [scored, scoredValid] = [unscored(train.pairs), unscored(valid?.pairs ?? [])];
    const data = pairBatches(scored, scoredValid, { ...batches, reference: reference.model.fingerprint });
    const ends = { endTokenIds: stopTokens(model), padTokenId: batches.padTokenId, batchSize, seed };
    const objective = dpoObjective({
      loss: config.preferenceLoss,
      beta: config.beta,
      labelSmoothing: config.preferenceSmoothing,
      sftWeight: config.sftWeight,
      startsAtReference: reference.startsThere,
    });
    const spec = {
      policy: openPolicy(model, config, { dropout: false }),
      objective,
      data: { ...data, alarms: [endNotTaught(data, ends)] },
    };
    const run = fileRun(spec, config, {
      tokenizer,
      notes: [
        ...notes,
        ...describePairs(train, maxLength),
        ...(valid ? describePairs(valid, maxLength) : []),
        reference.words,
      ],
    });
    return scoredFirst(run, reference.model, [scored, scoredValid], { ...batches, batchSize });
  },
});

/** Pairs whose reference's log-probabilities are filled in before the first batch is made. */
const unscored = (pairs: readonly Pair[]): ScoredPairs => ({
  pairs,
  referenceLogprobs: new Float32Array(2 * pairs.length).fill(NaN),
});

/** A run before whose first step a reference scores the pairs; after that its memory is free. */
function scoredFirst(
  run: MethodRun,
  reference: FrozenModel,
  parts: readonly ScoredPairs[],
  batches: ExampleBatchesOptions & { readonly batchSize: number },
): MethodRun {
  let unread: FrozenModel | undefined = reference;
  const score = async (frozen: FrozenModel, directory: string, hooks: TrainingHooks) => {
    const total = parts.reduce((sum, { pairs }) => sum + pairs.length, 0);
    const progress = startProgress("reference", total, { unit: "pairs" });
    for (const { pairs, referenceLogprobs: into } of parts) {
      let before = 0;
      const { referenceLogprobs: logprobs } = await referenceLogprobs(frozen, pairs, {
        ...batches,
        directory,
        ...(hooks.signal && { signal: hooks.signal }),
        ...(hooks.engine && { engine: hooks.engine }),
        onMessage: (message) => hooks.onMessage?.(message, "refused"),
        onProgress(done) {
          progress.advance(done - before);
          before = done;
        },
      });
      into.set(logprobs);
    }
    progress.finish();
  };
  return {
    ...run,
    async train(directory, hooks) {
      try {
        if (unread) await score(unread, directory, hooks);
      } catch (error) {
        if (error instanceof ReferenceInterrupted) return { stopped: "interrupted", step: 0, log: [] };
        throw error;
      }
      unread = undefined;
      return run.train(directory, hooks);
    },
  };
}
