import { mean, standardDeviation } from "simple-statistics";
import type { Alarm } from "./alarm";

/** Steps over which is looked. */
const STEPS = 20;
/** Nats of an answer that are worth a word. */
const LEAST = 0.1;

/**
 * Of preference training: chosen and rejected answers are both less likely than by the reference, by more than twice the standard
 * error of the last steps' means.
 *
 * @param beta that of the rewards
 */
export const bothFall = (beta: number): Alarm => ({
  name: "both log-probabilities fall",
  check(log) {
    const last = log.slice(-STEPS);
    const fallOf = (name: string): number | undefined => {
      const values = last.flatMap(({ metrics }) => metrics?.[name] ?? []).map((reward) => -reward / beta);
      if (values.length < STEPS) return undefined;
      const fall = mean(values);
      const error = standardDeviation(values) / Math.sqrt(STEPS);
      return fall > Math.max(LEAST, 2 * error) ? fall : undefined;
    };
    const [chosen, rejected] = [fallOf("rewards/chosen"), fallOf("rewards/rejected")];
    if (chosen === undefined || rejected === undefined) return undefined;
    return (
      `over the last ${STEPS} steps chosen answers are ${chosen.toFixed(1)} nats and rejected ones ${rejected.toFixed(1)} nats less likely ` +
      "than by the reference, so what is learned goes to answers that are neither. That is common and does no harm while margins grow " +
      "and answers read well: read some. Against it: an SFT term (sftWeight, 0.1 to 1), a higher beta, a lower learning rate, fewer steps, " +
      "or the loss apo_zero, which raises the chosen ones"
    );
  },
});
