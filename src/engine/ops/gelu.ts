import * as tf from "@tensorflow/tfjs";

/** GELU in its tanh form, x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks and Gimpel, 2016). */
export function gelu<T extends tf.Tensor>(x: T): T {
  const cubic = tf.mul(tf.mul(x, Math.sqrt(2 / Math.PI)), tf.add(tf.mul(tf.square(x), 0.044715), 1));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(cubic), 1)) as T;
}
