import type { Alarm } from "./alarm";
import { lastIterations } from "./iterations";

/** Nats a token: each token is e times as likely as under the reference. */
const MOST = 1;

/** The policy has left its reference far behind. */
export const explodingKl: Alarm = {
  name: "exploding KL",
  check(log) {
    const [last] = lastIterations(log, 1, "kl");
    if (!last || last["kl"]! <= MOST) return undefined;
    return (
      `the policy is ${last["kl"]!.toFixed(2)} nats a token away from its reference, so it says what the reference hardly would: rewards ` +
      "may rise while texts get worse. Read some completions; raise the KL coefficient or give it a target, lower the learning rate, or " +
      "take an earlier checkpoint"
    );
  },
};
