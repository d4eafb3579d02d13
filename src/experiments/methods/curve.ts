import type { StepLog } from "../../training";

/** Parts of a run whose means are shown. */
const PARTS = 10;

/**
 * How the reward went, in a sentence: its means over as many parts of the run as there are iterations, ten at most. Undefined where
 * nothing was rewarded.
 */
export function rewardCurve(log: readonly StepLog[]): string | undefined {
  const rewards = log.flatMap(({ metrics }) => metrics?.["reward"] ?? []);
  const parts = Math.min(PARTS, rewards.length);
  if (parts < 2) return undefined;
  const at = (part: number) => Math.round((part * rewards.length) / parts);
  const means = Array.from({ length: parts }, (_, part) => {
    const own = rewards.slice(at(part), at(part + 1));
    return (own.reduce((sum, reward) => sum + reward, 0) / own.length).toFixed(3);
  });
  return `the reward over the run, ${parts} parts of it: ${means.join(" ")}`;
}
