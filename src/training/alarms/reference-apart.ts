import type { Alarm } from "./alarm";

/** Nats a token that are more than rounding, but less than an adapter changes. */
const MOST = 0.02;

/** The first completions were drawn from another model than the reference. */
export const referenceApart: Alarm = {
  name: "reference is not the start",
  check(log) {
    const first = log[0];
    if (log.length !== 1 || first?.step !== 1) return undefined;
    const kl = first.metrics?.["kl_k3"];
    if (kl === undefined || kl <= MOST) return undefined;
    return (
      `before any step the policy is ${kl.toFixed(3)} nats a token away from its reference, so the reference is not what training starts ` +
      "from. If it starts from an adapter (of SFT, say), the base without it is another model: name that adapter as the reference, or be " +
      "sure that the base is meant"
    );
  },
};
