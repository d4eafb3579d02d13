import * as tf from "@tensorflow/tfjs";
import type { LabelledBatch } from "../models";

/**
 * What the rows of each sequence of a batch sum to, [batch]: of −`labelLosses` times `labelShares` the log-probability of each
 * sequence's labels. Rows are those of `labelRows`, or all positions of `labels`.
 */
export function sequenceSums(
  { labels, labelRows }: Pick<LabelledBatch, "labels" | "labelRows">,
  values: tf.Tensor,
): tf.Tensor1D {
  const [sequences, length] = labels.shape;
  const places = labelRows ?? tf.range(0, sequences * length, 1, "int32");
  const ofRow = tf.floorDiv(places, tf.scalar(length, "int32"));
  const belongs = tf.equal(tf.expandDims(tf.range(0, sequences, 1, "int32"), 1), tf.expandDims(ofRow, 0));
  return tf.reshape(tf.matMul(tf.cast(belongs, "float32"), tf.expandDims(values, 1) as tf.Tensor2D), [
    sequences,
  ]);
}
