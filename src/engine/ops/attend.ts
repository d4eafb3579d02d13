import * as tf from "@tensorflow/tfjs";

/**
 * Attention without the 1/√d scale, `dropout(softmax(Q Kᵀ + bias)) V`: Q [batch, heads, queries, d],
 * K and V [batch, heads, keys, d], bias broadcast to [batch, heads, queries, keys].
 */
export function attend(
  query: tf.Tensor4D,
  key: tf.Tensor4D,
  value: tf.Tensor4D,
  bias: tf.Tensor,
  dropout: <T extends tf.Tensor>(weights: T) => T,
): tf.Tensor4D {
  const scores = tf.add(tf.matMul(query, key, false, true), bias);
  return tf.matMul(dropout(tf.softmax(scores)), value) as tf.Tensor4D;
}
