import { mean, sampleVariance } from "simple-statistics";

/** Rows of numbers, one a step; rows may differ in length. */
export type StepRows = readonly (readonly number[])[];

export interface GaeOptions {
  /** γ: what a reward one step later is worth. */
  readonly gamma: number;
  /** λ: 0 trusts the values, 1 the rewards. */
  readonly lambda: number;
}

/**
 * Generalised advantage estimation (Schulman et al., 2016), from a completion's last step back, with V = 0 behind it:
 *
 *     δ_t = r_t + γ V_{t+1} − V_t
 *     A_t = δ_t + γ λ A_{t+1}
 */
export function gae(
  rewards: readonly number[],
  values: ArrayLike<number>,
  { gamma, lambda }: GaeOptions,
): number[] {
  const advantages = new Array<number>(rewards.length);
  let next = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    const delta = rewards[t]! + gamma * (t + 1 < rewards.length ? values[t + 1]! : 0) - values[t]!;
    next = delta + gamma * lambda * next;
    advantages[t] = next;
  }
  return advantages;
}

/**
 * What steps earn: −`klCoefficient` · KL of each token, and the score at the last step. A completion that ended below the limit
 * has one more step than tokens, behind its end, and gets its score there, as in TRL.
 *
 * @param steps as many as there are tokens, or one more
 */
export function stepRewards(
  kl: readonly number[],
  score: number,
  { steps, klCoefficient }: { steps: number; klCoefficient: number },
): number[] {
  const rewards = Array.from({ length: steps }, (_, t) => (t < kl.length ? -klCoefficient * kl[t]! : 0));
  rewards[steps - 1]! += score;
  return rewards;
}

/**
 * All numbers with variance 1, and mean 0 unless it is kept: (x − mean) / √(variance + 1e-8), with the unbiased variance over all
 * rows.
 */
export function whitened(rows: StepRows, { keepMean = false } = {}): number[][] {
  const all = rows.flat();
  if (all.length < 2) return rows.map((row) => [...row]);
  const centre = mean(all);
  const by = 1 / Math.sqrt(sampleVariance(all) + 1e-8);
  return rows.map((row) => row.map((x) => (x - centre) * by + (keepMean ? centre : 0)));
}
