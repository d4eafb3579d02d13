import type { Reward } from "./reward";

/**
 * How near a completion's length comes to the one wanted: 1 − |n − wanted| / wanted for n tokens, and no less than 0. A toy: its
 * optimum is known.
 */
export function lengthReward(wanted: number): Reward {
  if (!(Number.isInteger(wanted) && wanted >= 1))
    throw new RangeError(
      `the tokens that a length reward wants must be a whole number from 1, not ${wanted}`,
    );
  return {
    name: "length",
    score: (cases) => cases.map(({ tokens }) => Math.max(0, 1 - Math.abs(tokens - wanted) / wanted)),
    fingerprint: { reward: "length", wanted },
  };
}
