import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/** log x, for x that is above 0 by its making (a sum of exponentials, say): then no device leaves it to the cpu. */
export function logOfPositive<T extends tf.Tensor>(x: T): T {
  const graph = recordingGraph();
  return graph ? (tensorOf(graph.logOfPositive(valueOf(x))) as T) : tf.log(x);
}

/** log Σ exp x along the first dimension. */
export function logSumExp(x: tf.Tensor): tf.Tensor {
  const largest = tf.max(x, 0, true);
  const log = logOfPositive(tf.sum(tf.exp(tf.sub(x, largest)), 0));
  return tf.add(tf.reshape(largest, log.shape), log);
}
