import { z } from "zod";
import { resolveGenerationOptions } from "../generation";
import { DEFAULT_LORA } from "../models/lora";
import type { Profile } from "../notebook";
import { promptVariants } from "../prompts";
import { describeIssues } from "../text";
import { DEFAULT_TRAINING, frozenWeights } from "../training";

/**
 * Where snippets come from: nowhere, the nearest personas by TF-IDF or BM25, any conversation (the control), or now from one
 * of these and now from another, so that a model trained on the mixture knows the inputs of all of them.
 */
export const retrievers = ["none", "tfidf", "bm25", "random", "mixed"] as const;
export type Retriever = (typeof retrievers)[number];

const whole = z.int().nonnegative();
const count = z.int().positive();
const positive = z.number().positive();

const schema = z
  .strictObject({
    /** Draws the training conversations, the adapter's first weights, the order of the data, dropout and random snippets. */
    seed: z.int(),

    /** Conversations to train on: at most so many of the training split, shuffled by `seed`. */
    nTrain: count,
    /** Conversations whose loss is measured while training: the first of the validation split, at most so many. */
    nValidation: whole,
    /** Conversations to answer in an evaluation: the first of the test split, at most so many. */
    nTest: count,

    /** Optimizer steps. */
    maxSteps: count,
    /** Examples that go through the model together. */
    batchSize: count,
    /** Batches whose gradients are summed for one step. */
    gradientAccumulation: count,
    /** The peak rate. */
    learningRate: positive,
    warmupSteps: whole,
    schedule: z.enum(["constant", "constant_with_warmup", "linear"]),
    /** How much a target's token counts in the training loss if its word is a content word of the personas; others count 1. */
    personaWeight: positive,
    /** ε of label smoothing; 0 for none. */
    labelSmoothing: z.number().min(0).lt(1),
    /** Steps between measurements of the validation loss; 0 for none. */
    evalSteps: whole,
    /** Ends with the parameters of the lowest validation loss, not with the last ones. */
    loadBestModelAtEnd: z.boolean(),
    /** Whether frozen linear layers multiply as they are or in 8 bits while training, which is faster and a little off. */
    frozenWeights: z.enum(frozenWeights),

    /** r of the adapters. */
    rank: count,
    /** α: the adapters' update is scaled by α / r. */
    alpha: positive,
    loraDropout: z.number().min(0).lt(1),
    /** Trains lm_head whole beside the adapters. */
    trainHead: z.boolean(),
    /** Blocks of the encoder, from its top, that are trained whole. */
    unfrozenEncoderBlocks: whole,
    /** The same of the decoder. */
    unfrozenDecoderBlocks: whole,

    /** How the prompt's parts are put together. */
    promptVariant: z.enum(promptVariants),
    retriever: z.enum(retrievers),
    /** Snippets in a prompt (`"mixed"`: from 0 to so many); 0 goes with the retriever `"none"` and only with it. */
    k: whole,
    /** Turns of the retrieved conversation that make a snippet. */
    snippetTurns: count,
    /** Longer prompts are cut: snippets first, then personas. */
    maxInputTokens: count,

    /**
     * Where in its conversation a training target begins: at the first turn, or at the turn from which on most of the
     * personas' content words are said.
     */
    targetStart: z.enum(["beginning", "persona"]),
    /** Targets are cut to so many tokens, and at most so many are generated. */
    maxNewTokens: count,
    minNewTokens: whole,
    /** 1 for greedy search. */
    numBeams: count,
    lengthPenalty: z.number(),
    doSample: z.boolean(),
    temperature: positive,
    topK: whole,
    topP: positive.max(1),
    /** No n-gram of so many tokens occurs twice in an answer; 0 allows it. */
    noRepeatNgramSize: whole,
    repetitionPenalty: positive,
    /** Answers made for each input, drawn or the best beams; the one given says most of the personas' content words. */
    candidates: count,
  })
  .check(({ value, issues }) => {
    const refuse = (path: string, message: string) =>
      issues.push({ code: "custom", input: value, path: [path], message });
    if ((value.k === 0) !== (value.retriever === "none")) {
      refuse("k", `0 snippets and the retriever "none" go together, not ${value.k} and "${value.retriever}"`);
    }
    if (value.loadBestModelAtEnd && (value.evalSteps === 0 || value.nValidation === 0)) {
      refuse("loadBestModelAtEnd", "needs a validation loss: set evalSteps and nValidation");
    }
  });

/** Everything that decides an experiment, flat and plain, so that a grid can vary any of it and a file can hold it. */
export type ExperimentSettings = z.infer<typeof schema>;

/**
 * What each setting decides. Whatever treats some settings in one way takes them from here, so that a new one has its place
 * everywhere.
 *
 * - `seed`: chance, over which results are averaged.
 * - `training`: how a model is trained, and on what; it means nothing to a model that is not. `unfreezing`: what is trained
 *   beside the adapters.
 * - `form` and `retrieval`: what a model is given, in training and evaluation alike.
 * - `length`: how long targets and answers are.
 * - `search`: how an answer is looked for, and several come to differ; `decoding`: what it may not be; `choice`: how many there
 *   are to choose from.
 * - `evaluation`: which conversations are answered.
 */
const kinds = {
  seed: "seed",
  nTrain: "training",
  nValidation: "training",
  nTest: "evaluation",
  maxSteps: "training",
  batchSize: "training",
  gradientAccumulation: "training",
  learningRate: "training",
  warmupSteps: "training",
  schedule: "training",
  personaWeight: "training",
  labelSmoothing: "training",
  evalSteps: "training",
  loadBestModelAtEnd: "training",
  frozenWeights: "training",
  rank: "training",
  alpha: "training",
  loraDropout: "training",
  trainHead: "training",
  unfrozenEncoderBlocks: "unfreezing",
  unfrozenDecoderBlocks: "unfreezing",
  promptVariant: "form",
  retriever: "retrieval",
  k: "retrieval",
  snippetTurns: "retrieval",
  maxInputTokens: "form",
  targetStart: "training",
  maxNewTokens: "length",
  minNewTokens: "decoding",
  numBeams: "search",
  lengthPenalty: "search",
  doSample: "search",
  temperature: "search",
  topK: "search",
  topP: "search",
  noRepeatNgramSize: "decoding",
  repetitionPenalty: "decoding",
  candidates: "choice",
} as const satisfies Record<keyof ExperimentSettings, string>;
export type SettingKind = (typeof kinds)[keyof typeof kinds];

type SettingsOf<Kind extends SettingKind> = {
  [Key in keyof typeof kinds]: (typeof kinds)[Key] extends Kind ? Key : never;
}[keyof typeof kinds];

/** The settings that decide these things. */
export function settingsOf<Kind extends SettingKind>(
  ...wanted: readonly Kind[]
): readonly SettingsOf<Kind>[] {
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  return names.filter((name): name is SettingsOf<Kind> =>
    (wanted as readonly string[]).includes(kinds[name]),
  );
}

/** The settings that decide what a model is given. An adapter has to be evaluated with those that it was trained with. */
export const inputKeys = settingsOf("form", "retrieval");

const decoding = settingsOf("search", "decoding");

/** What is only asked of a model that is trained: the same adapter serves all their values. */
export const evaluationKeys = settingsOf("evaluation", "choice", "search", "decoding");

/** How to generate, for `generateTexts`. */
export function generationSettings(
  settings: Pick<ExperimentSettings, "seed" | "maxNewTokens" | "candidates" | (typeof decoding)[number]>,
) {
  const chosen = Object.fromEntries(decoding.map((key) => [key, settings[key]])) as Pick<
    ExperimentSettings,
    (typeof decoding)[number]
  >;
  const { maxNewTokens, candidates: numReturnSequences, doSample } = settings;
  return { ...chosen, maxNewTokens, numReturnSequences, seed: doSample ? settings.seed : 0 };
}

/** The settings that decide what is trained: all but {@link evaluationKeys}. */
export function trainingSettings(settings: ExperimentSettings): Partial<ExperimentSettings> {
  const evaluated: readonly string[] = evaluationKeys;
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !evaluated.includes(key)));
}

/** The proposal's run. */
const full: ExperimentSettings = {
  seed: DEFAULT_TRAINING.seed,
  nTrain: 9000,
  nValidation: 100,
  nTest: 200,
  maxSteps: DEFAULT_TRAINING.maxSteps,
  batchSize: DEFAULT_TRAINING.batchSize,
  gradientAccumulation: DEFAULT_TRAINING.gradientAccumulationSteps,
  learningRate: DEFAULT_TRAINING.learningRate,
  warmupSteps: DEFAULT_TRAINING.warmupSteps,
  schedule: DEFAULT_TRAINING.schedule,
  personaWeight: 1,
  labelSmoothing: 0,
  evalSteps: 100,
  loadBestModelAtEnd: false,
  frozenWeights: "float32",
  rank: DEFAULT_LORA.rank,
  alpha: DEFAULT_LORA.alpha,
  loraDropout: DEFAULT_LORA.dropout,
  trainHead: true,
  unfrozenEncoderBlocks: 0,
  unfrozenDecoderBlocks: 0,
  promptVariant: "template",
  retriever: "none",
  k: 0,
  snippetTurns: 2,
  maxInputTokens: 256,
  targetStart: "beginning",
  maxNewTokens: 96,
  minNewTokens: 0,
  numBeams: 1,
  lengthPenalty: 1,
  doSample: false,
  temperature: 1,
  topK: 0,
  topP: 1,
  noRepeatNgramSize: 0,
  repetitionPenalty: 1,
  candidates: 1,
};

/**
 * A run on the embedded sample and model that takes well under a minute on two cores. The learning rate is the proposal's: at
 * ten times as much ROUGE-L is a little higher, but the answers no longer hang together. The personas' words count more,
 * because so few steps otherwise teach the typical beginning alone; and repetition is held back, because a model of this
 * size otherwise falls into loops.
 */
const quick: ExperimentSettings = {
  ...full,
  nTrain: 192,
  nValidation: 24,
  nTest: 24,
  maxSteps: 100,
  personaWeight: 5,
  warmupSteps: 10,
  evalSteps: 20,
  maxInputTokens: 224,
  noRepeatNgramSize: 4,
  repetitionPenalty: 1.2,
};

/** Snippets in a prompt where a retriever is named and no number. */
const DEFAULT_K = 3;

/**
 * The settings that a profile starts from, with {@link changeSettings changes}.
 *
 * @throws {RangeError} naming every setting that is unknown or out of its range
 */
export function defaultExperiment(
  profile: Profile,
  changes: Partial<ExperimentSettings> = {},
): ExperimentSettings {
  return changeSettings(profile === "full" ? full : quick, changes);
}

/**
 * Settings with changes, checked. `k` and `retriever` follow one another: where either is changed to none, so is the other;
 * snippets without a retriever come from TF-IDF, and a retriever without a number gives 3.
 *
 * @throws {RangeError} naming every setting that is unknown or out of its range
 */
export function changeSettings(
  settings: ExperimentSettings,
  changes: Partial<ExperimentSettings>,
): ExperimentSettings {
  const changed = { ...settings, ...changes };
  if (changes.k === 0 || changes.retriever === "none") {
    changed.k = 0;
    changed.retriever = "none";
  } else if (changes.k !== undefined && changed.retriever === "none") {
    changed.retriever = "tfidf";
  } else if (changes.retriever !== undefined && changed.k === 0) {
    changed.k = DEFAULT_K;
  }
  return parseExperiment(changed, "experiment settings");
}

/**
 * Checks settings from outside: a file, a command line.
 *
 * @param where begins the error's message
 */
export function parseExperiment(value: unknown, where: string): ExperimentSettings {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const known = Object.keys(schema.shape);
    const problems = describeIssues(parsed.error, value, known).join("; ");
    throw new RangeError(`${where}: ${problems}\nThe settings are ${known.join(", ")}.`);
  }
  try {
    resolveGenerationOptions(generationSettings(parsed.data));
  } catch (error) {
    throw new RangeError(`${where}: ${(error as Error).message}`);
  }
  return parsed.data;
}
