import { linearRegression } from "simple-statistics";

/** A vocabulary by rank: `frequency[i]` is how often the word of rank `rank[i]` occurs, the most frequent having rank 1. */
export interface RankedVocabulary {
  rank: number[];
  frequency: number[];
  /** Zipf's exponent s of frequency ∝ rank^(−s): minus the slope of the least-squares line through the logarithms. */
  exponent: number;
}

/**
 * Ranks a vocabulary (word → count) at about `points` ranks that are evenly spaced on a logarithmic axis.
 *
 * Source: G. K. Zipf, Human Behavior and the Principle of Least Effort, 1949.
 */
export function rankVocabulary(counts: ReadonlyMap<string, number>, points = 100): RankedVocabulary {
  const sorted = [...counts.values()].sort((a, b) => b - a);
  const growth = sorted.length ** (1 / Math.max(1, points - 1));
  const spaced = Array.from({ length: points }, (_, i) => Math.min(sorted.length, Math.round(growth ** i)));
  const rank = [...new Set(spaced)].filter((r) => r >= 1);
  const frequency = rank.map((r) => sorted[r - 1]!);
  const { m } = linearRegression(rank.map((r, i) => [Math.log(r), Math.log(frequency[i]!)]));
  return { rank, frequency, exponent: -m };
}
