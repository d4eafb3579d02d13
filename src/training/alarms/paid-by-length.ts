import type { Alarm } from "./alarm";
import { lastIterations } from "./iterations";

const ITERATIONS = 5;
const LEAST_CORRELATION = 0.5;
const LEAST_GROWTH = 1.2;

/** Longer completions earn more, and completions get longer. */
export const paidByLength: Alarm = {
  name: "reward rising with length",
  check(log) {
    const names = ["reward_length_correlation", "completions/mean_length"];
    const all = lastIterations(log, Infinity, ...names);
    if (all.length < 2 * ITERATIONS) return undefined;
    const mean = (of: typeof all, name: string) =>
      of.reduce((sum, metrics) => sum + metrics[name]!, 0) / of.length;
    const [first, last] = [all.slice(0, ITERATIONS), all.slice(-ITERATIONS)];
    const correlation = mean(last, names[0]!);
    const [before, now] = [mean(first, names[1]!), mean(last, names[1]!)];
    if (correlation < LEAST_CORRELATION || now < LEAST_GROWTH * before) return undefined;
    return (
      `scores rise with length (correlation ${correlation.toFixed(2)} in the last ${ITERATIONS} iterations), and completions grew from ` +
      `${before.toFixed(1)} to ${now.toFixed(1)} tokens: the policy may be paid for length, not for what is wanted. Compare completions of ` +
      "equal length; add a reward against length, or take a judge that does not favour it"
    );
  },
};
