import * as tf from "@tensorflow/tfjs";

/**
 * Cross-entropy of each row in nats, [rows], for logits [rows, classes] and int32 labels [rows] in 0…classes − 1. With
 * smoothing ε the target is 1 − ε on the label plus ε / classes on every class (Szegedy et al., 2016). The
 * gradient of a row's logits is softmax − target.
 */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing = 0): tf.Tensor1D {
  const logProbabilities = tf.logSoftmax(logits);
  const target = tf.oneHot(labels, logits.shape[1]);
  const own = tf.neg(tf.sum(tf.mul(logProbabilities, target), 1));
  if (smoothing === 0) return own as tf.Tensor1D;
  const all = tf.neg(tf.mean(logProbabilities, 1));
  return tf.add(tf.mul(own, 1 - smoothing), tf.mul(all, smoothing)) as tf.Tensor1D;
}
