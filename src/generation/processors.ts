import type { ResolvedGenerationOptions } from "./options";

/** A row's tokens so far: those that it began with, `promptLength` of them, then the answer's. */
export interface TokenRow {
  readonly tokens: readonly number[];
  readonly promptLength: number;
  /**
   * How many of the first tokens are padding.
   * @default none
   */
  readonly padding?: number;
}

/** Changes the scores of one row (logits, or log-probabilities in beam search) before a token is chosen. */
export type ScoreProcessor = (scores: Float32Array, row: TokenRow) => void;

/** The processors that options ask for, in the order in which Hugging Face transformers applies them. */
export function scoreProcessors(
  options: ResolvedGenerationOptions,
  stopTokenIds: readonly number[],
): ScoreProcessor[] {
  const processors: ScoreProcessor[] = [];
  if (options.repetitionPenalty !== 1) processors.push(repetitionPenalty(options.repetitionPenalty));
  if (options.noRepeatNgramSize > 0) processors.push(noRepeatNgram(options.noRepeatNgramSize));
  if (options.minNewTokens > 0) processors.push(minNewTokens(options.minNewTokens, stopTokenIds));
  return processors;
}

/** Makes tokens that are already there less likely: positive scores are divided by `penalty`, negative multiplied. */
export function repetitionPenalty(penalty: number): ScoreProcessor {
  return (scores, { tokens, padding = 0 }) => {
    for (const token of new Set(padding > 0 ? tokens.slice(padding) : tokens)) {
      const score = scores[token]!;
      scores[token] = score < 0 ? score * penalty : score / penalty;
    }
  };
}

/** Rules out each token that would complete an n-gram of `size` tokens that is already there. */
export function noRepeatNgram(size: number): ScoreProcessor {
  return (scores, { tokens }) => {
    const prefix = size - 1;
    const last = tokens.length - prefix;
    for (let start = 0; start < last; start++) {
      let same = true;
      for (let i = 0; i < prefix && same; i++) same = tokens[start + i] === tokens[last + i];
      if (same) scores[tokens[start + prefix]!] = -Infinity;
    }
  };
}

/** Rules out the end of the sequence until the answer has `count` tokens. */
export function minNewTokens(count: number, stopTokenIds: readonly number[]): ScoreProcessor {
  return (scores, { tokens, promptLength }) => {
    if (tokens.length - promptLength < count) for (const stop of stopTokenIds) scores[stop] = -Infinity;
  };
}
