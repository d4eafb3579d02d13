import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf } from "../recorder";

/** The positions 0 … length − 1, int32 [length]; in a recording `length` may be an open dimension. */
export function positions(length: number): tf.Tensor1D {
  const graph = recordingGraph();
  if (!graph?.isOpen(length)) return tf.range(0, length, 1, "int32");
  const int64 = (number: number) => graph.scalar("int64", number);
  const end = graph.reshape(graph.size(length), []);
  const range = graph.node("Range", [int64(0), end, int64(1)], { type: "int64", shape: [length] });
  return tensorOf(graph.cast(range, "int32")) as tf.Tensor1D;
}
