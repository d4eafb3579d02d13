import * as tf from "@tensorflow/tfjs";
import { detached } from "../../engine";
import { type LabelledBatch, labelShares } from "../../models";
import type { Mean, Objective } from "../objective";

/** What supervised fine-tuning lowers; see {@link supervisedObjective}. */
export const supervisedLosses = ["nll", "dft"] as const;
export type SupervisedLoss = (typeof supervisedLosses)[number];

/**
 * Supervised fine-tuning: the cross-entropy of a batch's labels, in nats a label, with `entropy` and `mean_token_accuracy` (the
 * share of labels that were the likeliest token) beside it, as TRL logs them:
 *
 *     nll: L = Σ −log p(label) / number of labels
 *     dft: L = Σ −p(label) log p(label) / number of labels, where the first p is a constant
 *
 * `dft` (Wu et al., 2025, arXiv 2508.05629) learns less from what the model finds unlikely.
 */
export function supervisedObjective(loss: SupervisedLoss = "nll"): Objective {
  return {
    measure(model, batch) {
      const labelled = batch as unknown as LabelledBatch;
      const { losses, entropies, isTop } = model.labelPredictions(labelled);
      const shares = labelShares(labelled);
      const count: tf.Scalar = tf.sum(shares);
      const mean = (values: tf.Tensor1D): Mean => ({ sum: tf.sum(tf.mul(values, shares)), count });
      const lowered: tf.Tensor1D = loss === "dft" ? tf.mul(detached(tf.exp(tf.neg(losses))), losses) : losses;
      return { loss: mean(lowered), metrics: { entropy: mean(entropies), mean_token_accuracy: mean(isTop) } };
    },
    fingerprint: { objective: "supervised", loss },
  };
}
