import type { Alarm } from "./alarm";

/** Nats a token that are more than rounding, but less than an adapter changes. */
const APART = 2e-3;
/** Nats a token that are rounding alone. */
const SAME = 1e-7;

/**
 * Of a policy that acts: its first completions do not fit what is said of the reference.
 *
 * @param startsThere whether the policy is said to start as its reference
 */
export const referenceApart = (startsThere: boolean): Alarm => ({
  name: "the reference is not what it is said to be",
  check(log) {
    const [first] = log;
    const kl = first?.metrics?.["kl_k3"];
    if (log.length !== 1 || first?.step !== 1 || kl === undefined) return undefined;
    if (startsThere && kl > APART)
      return (
        `before any step the policy is ${kl.toFixed(3)} nats a token away from its reference, though it is said to start as the same ` +
        "model. If the policy starts from an adapter (of SFT, say), the base without it is another model: name that adapter as the " +
        "reference, or say that the policy does not start there (startsAtReference: false)"
      );
    if (!startsThere && kl < SAME)
      return (
        "before any step the policy and its reference say the same of all completions, though they are said to be different models. Either " +
        "the adapter that the policy starts from changes nothing, or the reference is that adapter under another name"
      );
    return undefined;
  },
});
