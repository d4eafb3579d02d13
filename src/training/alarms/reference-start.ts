import type { Alarm } from "./alarm";

/** Nats a token that are more than rounding, but less than an adapter changes. */
const APART = 2e-3;
/** Nats a token that are rounding alone. */
const SAME = 1e-4;

export interface ReferenceStart {
  /** That of the rewards. */
  readonly beta: number;
  /** Whether the policy is said to start as its reference. */
  readonly startsThere: boolean;
}

/** Of preference training: the first step's rewards, taken before anything is learned, do not fit what is said of the reference. */
export const referenceStart = ({ beta, startsThere }: ReferenceStart): Alarm => ({
  name: "the reference is not what it is said to be",
  check(log) {
    const [first] = log;
    if (log.length !== 1 || first?.step !== 1) return undefined;
    const perToken = ["chosen", "rejected"].map((kind) => {
      const [reward, length] = [first.metrics?.[`rewards/${kind}`], first.metrics?.[`lengths/${kind}`]];
      return reward === undefined || length === undefined ? undefined : Math.abs(reward / beta / length);
    });
    if (perToken.includes(undefined)) return undefined;
    const apart = Math.max(...(perToken as number[]));
    if (startsThere && apart > APART)
      return (
        `before any step the policy is ${apart.toFixed(3)} nats a token away from its reference, though it is said to start as the same ` +
        "model. If the policy starts from an adapter (of SFT, say) and the base without it is meant as the reference, say so " +
        "(startsAtReference: false); else name that adapter as the reference. If it is named, its log-probabilities are of another model " +
        "or other tokens: have them computed again"
      );
    if (!startsThere && apart < SAME)
      return (
        "before any step the policy and its reference say the same of all answers, though they are said to be different models. Either the " +
        "adapter that the policy starts from changes nothing (its B is zero, or it is already merged into the base), or the reference is " +
        "that adapter under another name: look at what both name"
      );
    return undefined;
  },
});
