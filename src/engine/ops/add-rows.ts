import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/**
 * x [classes, width] with row i of `rows` [n, width] added to its row index[i], for int32 `index` [n]. In a recorded program x
 * is overwritten where nothing else reads it, so that a sum over few of many rows does not pass over all of them. No gradient.
 */
export function addRows(x: tf.Tensor2D, index: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D {
  const graph = recordingGraph();
  if (!graph) return tf.add(x, tf.unsortedSegmentSum(rows, index, x.shape[0]));
  const indices = graph.cast(graph.reshape(valueOf(index), [...index.shape, 1]), "int64");
  const inputs = [valueOf(x), indices, valueOf(rows)];
  const sum = graph.node("ScatterND", inputs, { type: "float32", shape: x.shape }, { reduction: "add" });
  return tensorOf(sum) as tf.Tensor2D;
}
