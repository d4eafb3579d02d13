import { z } from "zod";

const whole = z.int().nonnegative();

/** What each option may be. */
export const generationTypes = {
  maxNewTokens: z.int().positive(),
  minNewTokens: whole,
  numBeams: z.int().positive(),
  lengthPenalty: z.number(),
  earlyStopping: z.union([z.boolean(), z.literal("never")]),
  doSample: z.boolean(),
  temperature: z.number().positive(),
  topK: whole,
  topP: z.number().positive().max(1),
  seed: z.int(),
  noRepeatNgramSize: whole,
  repetitionPenalty: z.number().positive(),
  numReturnSequences: z.int().positive(),
  stopTokenIds: z.array(whole).readonly(),
  processPadding: z.boolean(),
};

const schema = z
  .strictObject({
    maxNewTokens: generationTypes.maxNewTokens,
    minNewTokens: generationTypes.minNewTokens.default(0),
    numBeams: generationTypes.numBeams.default(1),
    lengthPenalty: generationTypes.lengthPenalty.default(1),
    earlyStopping: generationTypes.earlyStopping.default(false),
    doSample: generationTypes.doSample.default(false),
    temperature: generationTypes.temperature.default(1),
    topK: generationTypes.topK.default(0),
    topP: generationTypes.topP.default(1),
    seed: generationTypes.seed.default(0),
    noRepeatNgramSize: generationTypes.noRepeatNgramSize.default(0),
    repetitionPenalty: generationTypes.repetitionPenalty.default(1),
    numReturnSequences: generationTypes.numReturnSequences.default(1),
    stopTokenIds: generationTypes.stopTokenIds.optional(),
    processPadding: generationTypes.processPadding.default(false),
  })
  .check(({ value: v, issues }) => {
    const refuse = (path: string, message: string) =>
      issues.push({ code: "custom", input: v, path: [path], message });
    if (v.minNewTokens > v.maxNewTokens) refuse("minNewTokens", "is above maxNewTokens");
    if (v.doSample && v.numBeams > 1) refuse("numBeams", "sampling works with one beam only");
    if (!v.doSample) {
      if (v.temperature !== 1) refuse("temperature", "has an effect with doSample: true only");
      if (v.topK !== 0) refuse("topK", "has an effect with doSample: true only");
      if (v.topP !== 1) refuse("topP", "has an effect with doSample: true only");
    }
    if (v.numBeams === 1) {
      if (v.lengthPenalty !== 1) refuse("lengthPenalty", "has an effect with numBeams > 1 only");
      if (v.earlyStopping !== false) refuse("earlyStopping", "has an effect with numBeams > 1 only");
    }
    const most = v.doSample ? Infinity : v.numBeams;
    if (v.numReturnSequences > most)
      refuse("numReturnSequences", "is above numBeams, and doSample is not set");
  });

/**
 * How to generate. Names, defaults and meaning are those of Hugging Face transformers (4.38 and later), in camel case;
 * `topK` alone differs: 0, no limit, unless told. Without further options the most likely token is taken at each step.
 */
export interface GenerationOptions {
  /** The most tokens to generate for a sequence, the end-of-sequence token included. */
  maxNewTokens: number;
  /** The end-of-sequence token is ruled out until this many tokens are there. */
  minNewTokens?: number;
  /** Sequences followed side by side by beam search; 1 is greedy search or, with `doSample`, sampling. */
  numBeams?: number;
  /** Beam search ranks finished sequences by log-probability / length^lengthPenalty: above 1 favours long ones. */
  lengthPenalty?: number;
  /**
   * When beam search leaves an input: `true` as soon as `numBeams` sequences are finished; `false` when the best
   * running one would not beat the worst finished one at its present length; `"never"` when none could at any length.
   */
  earlyStopping?: boolean | "never";
  /** Draw each token from the model's distribution. */
  doSample?: boolean;
  /** Scores are divided by it before drawing: below 1 sharpens, above 1 flattens. */
  temperature?: number;
  /** Draw from the k best tokens only; 0 for no limit. */
  topK?: number;
  /** Draw from the smallest set of best tokens whose probabilities reach `topP` (nucleus sampling, arXiv:1904.09751). */
  topP?: number;
  /**
   * Equal seeds draw equal tokens for the same input and its number.
   * @default 0
   */
  seed?: number;
  /** No n-gram of this size occurs twice in a sequence; 0 allows repetition. */
  noRepeatNgramSize?: number;
  /** Scores of tokens already there are divided (if positive) or multiplied (if negative) by it (CTRL, arXiv:1909.05858). */
  repetitionPenalty?: number;
  /** Sequences returned for each input: the best of beam search, or as many draws. */
  numReturnSequences?: number;
  /**
   * Tokens that end a sequence; none for `[]`.
   * @default those that the model names
   */
  stopTokenIds?: readonly number[];
  /**
   * Whether `noRepeatNgramSize` sees the padding before a causal model's prompt as part of it, as transformers' does. Without
   * it a row's answer does not depend on the length of the others.
   * @default false
   */
  processPadding?: boolean;
}

/** Options with every default filled in. */
export type ResolvedGenerationOptions = Required<Omit<GenerationOptions, "stopTokenIds">> &
  Pick<GenerationOptions, "stopTokenIds">;

/**
 * Checks options and fills in defaults.
 *
 * @throws {Error} that names each option that is wrong or has no effect
 */
export function resolveGenerationOptions(options: GenerationOptions): ResolvedGenerationOptions {
  const parsed = schema.safeParse(options);
  if (!parsed.success) throw new RangeError(`generation options: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
