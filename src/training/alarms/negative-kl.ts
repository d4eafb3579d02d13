import type { Alarm } from "./alarm";
import { lastIterations } from "./iterations";

const ITERATIONS = 5;
/** Standard errors below 0 that are not taken for noise. */
const ERRORS = 4;
/** Nats a completion that are rounding. */
const ROUNDING = 1e-3;

/** The divergence from the reference is estimated below 0 by more than noise explains. */
export const negativeKl: Alarm = {
  name: "negative KL",
  check(log) {
    const last = lastIterations(log, ITERATIONS, "objective/kl", "objective/kl_stderr");
    if (last.length === 0) return undefined;
    const mean = last.reduce((sum, metrics) => sum + metrics["objective/kl"]!, 0) / last.length;
    const error = Math.hypot(...last.map((metrics) => metrics["objective/kl_stderr"]!)) / last.length;
    if (mean >= -ERRORS * error - ROUNDING) return undefined;
    return (
      `the divergence from the reference is ${mean.toFixed(3)} nats a completion, ${ERRORS} standard errors or more below 0, which no ` +
      "divergence can be: completions are not drawn from the policy whose logprobs are taken. Sample with the objective's temperature, " +
      "without topK, topP, penalties or a least length, and without dropout"
    );
  },
};
