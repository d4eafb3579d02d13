import { notFiniteScores } from "../models";

/**
 * Checks that a model's scores of a row, [vocabulary], can be chosen from. −∞ rules a token out.
 *
 * @throws {Error} if one is NaN or +∞, or none is finite
 */
export function requireFinite(scores: Float32Array): void {
  let best = -Infinity;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score > best) best = score;
    else if (score !== score) throw notFiniteScores();
  }
  if (!Number.isFinite(best)) throw notFiniteScores();
}

/** @throws {Error} if every token of a row was ruled out by the options that process scores */
export function requireChoice(scores: Float32Array): void {
  for (let i = 0; i < scores.length; i++) if (scores[i]! > -Infinity) return;
  throw new Error(
    "generation: noRepeatNgramSize and minNewTokens rule out every token; allow longer n-grams or fewer new tokens",
  );
}
