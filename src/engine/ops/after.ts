import * as tf from "@tensorflow/tfjs";
import { recordingGraph } from "../recorder";

/**
 * x, which a recorded program does not have before `other` is there: 0 is added that it computes from the first element of
 * `other`. Neither the graph nor ONNX Runtime can then take what is made of it for what was made of x before. Elsewhere x itself.
 */
export function after<T extends tf.Tensor>(x: T, other: tf.Tensor): T {
  if (!recordingGraph()) return x;
  const first = tf.slice(tf.reshape(other, [-1]), 0, 1);
  const zero = tf.cast(tf.greater(first, first), "float32");
  return tf.reshape(tf.add(x, zero), x.shape) as T;
}
