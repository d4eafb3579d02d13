import type * as tf from "@tensorflow/tfjs";
import type { TextBatch } from "../../models";
import type { Objective } from "../objective";
import { labelMeasures, needHead } from "./labels-of-texts";

/**
 * What a text is, or two texts that are read together: the cross-entropy of its label, in nats a text, as transformers'
 * sequence classification has it, with `accuracy` beside it:
 *
 *     L = mean over texts of −log softmax(W s + b)[label]
 */
export function classificationObjective(): Objective {
  return {
    measure(model, batch) {
      const scores = needHead(model, "classification").scores(batch as unknown as TextBatch);
      return labelMeasures(scores, batch["labels"] as tf.Tensor1D);
    },
    fingerprint: { objective: "classification" },
  };
}
