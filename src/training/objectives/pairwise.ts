import type * as tf from "@tensorflow/tfjs";
import type { TextBatch } from "../../models";
import type { Objective } from "../objective";
import { labelMeasures, needHead } from "./labels-of-texts";

/**
 * What one text is to another, each read by itself, so that a text's state serves for all its pairs: the cross-entropy of a pair's
 * label, in nats a pair, with `accuracy` beside it:
 *
 *     L = mean over pairs of −log softmax(W₁ u + W₂ v + W₃ |u − v| + W₄ (u ⊙ v) + b)[label]
 *
 * Rows 2k and 2k + 1 of a batch are the first and the second text of a pair. Conneau et al. (2017, arXiv 1705.02364).
 */
export function pairwiseObjective(): Objective {
  return {
    measure(model, batch) {
      const scores = needHead(model, "pairwise").scores(batch as unknown as TextBatch);
      return labelMeasures(scores, batch["labels"] as tf.Tensor1D);
    },
    fingerprint: { objective: "pairwise" },
  };
}
