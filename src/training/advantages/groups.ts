import { mean, sampleVariance } from "simple-statistics";

/** The indices of what belongs together, by group, each group in order. */
export function groupIndices(groups: readonly number[]): number[][] {
  const found = new Map<number, number[]>();
  groups.forEach((group, i) => found.set(group, [...(found.get(group) ?? []), i]));
  return [...found.values()];
}

/** The unbiased standard deviation; 0 of fewer than two values. */
export const deviation = (values: readonly number[]): number =>
  values.length < 2 ? 0 : Math.sqrt(Math.max(0, sampleVariance([...values])));

/**
 * Advantages by REINFORCE with a leave-one-out baseline (Kool, van Hoof and Welling, 2019; Ahmadian et al., 2024, "Back to
 * Basics"): each completion is compared with the others of its prompt.
 *
 *     A_i = R_i − mean of R_j over the others of its group
 *
 * @param groups which prompt each reward's completion answers; each group has at least two
 */
export function leaveOneOutAdvantages(rewards: readonly number[], groups: readonly number[]): number[] {
  const advantages = new Array<number>(rewards.length);
  for (const indices of groupIndices(groups)) {
    if (indices.length < 2)
      throw new RangeError("a leave-one-out baseline needs at least two completions of a prompt");
    const sum = indices.reduce((total, i) => total + rewards[i]!, 0);
    for (const i of indices) advantages[i] = rewards[i]! - (sum - rewards[i]!) / (indices.length - 1);
  }
  return advantages;
}

/** By what GRPO divides a completion's distance from its group's mean. */
export const rewardScales = ["group", "batch", "none"] as const;
export type RewardScale = (typeof rewardScales)[number];

/** Keeps the division by a deviation finite, as TRL does. */
const SMALL = 1e-4;

/**
 * Group-relative advantages (Shao et al., 2024, "DeepSeekMath"; without division: Liu et al., 2025, "Understanding R1-Zero-Like
 * Training"):
 *
 *     A_i = (R_i − mean of its group) / (s + 1e-4)
 *
 * where s is the unbiased standard deviation of its group, or of all rewards; with `none` nothing is divided.
 */
export function groupAdvantages(
  rewards: readonly number[],
  groups: readonly number[],
  scale: RewardScale,
): number[] {
  const advantages = new Array<number>(rewards.length);
  const whole = deviation(rewards);
  for (const indices of groupIndices(groups)) {
    const own = indices.map((i) => rewards[i]!);
    const centre = mean(own);
    const by = scale === "none" ? 1 : (scale === "batch" ? whole : deviation(own)) + SMALL;
    for (const i of indices) advantages[i] = (rewards[i]! - centre) / by;
  }
  return advantages;
}

/** Advantages with mean 0 and deviation 1 over all completions: (A − mean) / (s + 1e-4). */
export function normalised(advantages: readonly number[]): number[] {
  const centre = mean([...advantages]);
  const by = deviation(advantages) + SMALL;
  return advantages.map((advantage) => (advantage - centre) / by);
}
