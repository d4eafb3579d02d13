import type { Alarm } from "./alarm";
import { lastIterations } from "./iterations";

/** Iterations without an end after which it is said. */
const ITERATIONS = 5;

/** For several iterations the token that ends a completion was not sampled once. */
export const noEnd: Alarm = {
  name: "no end sampled",
  check(log) {
    const last = lastIterations(log, ITERATIONS, "completions/clipped_ratio");
    if (last.length < ITERATIONS || last.some((metrics) => metrics["completions/clipped_ratio"]! < 1))
      return undefined;
    return (
      `in ${ITERATIONS} iterations no completion ended with an end token, so the policy does not know how to stop. Check that the ` +
      "model's eos_token_id is the token that ends its turns; if it was fine-tuned with padding equal to the end token, the end may " +
      "have been left out of the loss: fine-tune it again with the end as a label, or punish a missing one (missingEosPenalty)"
    );
  },
};
