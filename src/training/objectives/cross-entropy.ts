import { type LabelledBatch, lossSums } from "../../models";
import type { Objective } from "../objective";

/**
 * Cross-entropy of a batch's labels, in nats a label:
 *
 *     L = Σ w (−log p(label)) / Σ w
 *
 * over labels that are not −100, with their weights w (1 where the batch has none).
 *
 * @param labelSmoothing ε of label smoothing, in training alone; 0 for none
 */
export function crossEntropyObjective(labelSmoothing = 0): Objective {
  return {
    measure(model, batch, training) {
      const sums = lossSums(model, batch as unknown as LabelledBatch, training ? labelSmoothing : 0);
      return { loss: { sum: sums.loss, count: sums.labels } };
    },
    fingerprint: { objective: "cross-entropy", labelSmoothing },
  };
}
