import * as tf from "@tensorflow/tfjs";
import { predictions } from "../../engine";
import { hasVectors, IGNORED_LABEL, type TextBatch } from "../../models";
import type { Objective } from "../objective";

/** Takes a pair out of a softmax. */
const HIDDEN = -1e9;

/**
 * Which text belongs to which (InfoNCE with in-batch negatives; van den Oord et al., 2018, arXiv 1807.03748): each first text of a
 * batch is to find its second one among all of them, and the other way round.
 *
 *     s_ij = u_i · v_j / τ
 *     L    = mean over pairs of ½ [−log softmax_j(s_ij)[i] − log softmax_i(s_ij)[j = i]]
 *
 * Rows 2k and 2k + 1 of a batch are the texts of pair k, u and v their vectors of length 1. Pairs with the same label (of the same
 * dialogue, say) may fit one another too, so that none is held against the other. `accuracy` is how often the right second text is
 * the nearest.
 *
 * @param temperature τ, above 0
 */
export function contrastiveObjective(temperature = 0.05): Objective {
  if (!(Number.isFinite(temperature) && temperature > 0))
    throw new RangeError(`temperature must be above 0, not ${temperature}`);
  return {
    measure(model, batch) {
      if (!hasVectors(model))
        throw new Error("contrastive learning needs a model that makes vectors of texts: textEncoder(model)");
      const labels = batch["labels"] as tf.Tensor1D;
      const pairs = labels.size;
      const vectors = model.vectors(batch as unknown as TextBatch);
      const both = tf.reshape(vectors, [pairs, 2 * vectors.shape[1]]) as tf.Tensor2D;
      const [u, v] = tf.split(both, 2, 1) as [tf.Tensor2D, tf.Tensor2D];

      const places = tf.range(0, pairs, 1, "int32");
      const equal = (values: tf.Tensor1D) =>
        tf.cast(tf.equal(tf.expandDims(values, 1), tf.expandDims(values, 0)), "float32");
      const others = tf.sub(equal(labels), equal(places)); // of the same label
      const isThere = tf.cast(tf.notEqual(labels, tf.scalar(IGNORED_LABEL, "int32")), "float32");
      const missing = tf.expandDims(tf.sub(tf.scalar(1), isThere), 0);
      const similar = tf.div(tf.matMul(u, v, false, true), tf.scalar(temperature));
      const ways = [similar, tf.transpose(similar)].map((scores) => {
        const open = tf.add(scores, tf.mul(tf.maximum(others, missing), tf.scalar(HIDDEN))) as tf.Tensor2D;
        return predictions(open, places);
      });
      const count = tf.sum(isThere) as tf.Scalar;
      const mean = (values: tf.Tensor) => ({ sum: tf.sum(tf.mul(values, isThere)) as tf.Scalar, count });
      const [there, back] = ways as [(typeof ways)[0], (typeof ways)[0]];
      return {
        loss: mean(tf.mul(tf.add(there.losses, back.losses), tf.scalar(0.5))),
        metrics: { accuracy: mean(there.isTop) },
      };
    },
    fingerprint: { objective: "contrastive", temperature },
  };
}
