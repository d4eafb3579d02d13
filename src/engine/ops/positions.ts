import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf } from "../recorder";

/**
 * The positions `from`, from + 1, … from + length − 1, int32 [length]; in a recording `length` and `from` may be open dimensions.
 */
export function positions(length: number, from = 0): tf.Tensor1D {
  const graph = recordingGraph();
  if (!graph?.isOpen(length) && !graph?.isOpen(from)) return tf.range(from, from + length, 1, "int32");
  const int64 = (number: number) => graph.scalar("int64", number);
  const size = (number: number) =>
    graph.isOpen(number) ? graph.reshape(graph.size(number), []) : int64(number);
  const start = size(from);
  const end = from === 0 ? size(length) : graph.node("Add", [start, size(length)], start);
  const bounds = [start, end, int64(1)];
  // WebGPU has Range of int32, with bounds from ordinary memory.
  const range =
    graph.device === "webgpu"
      ? graph.node(
          "Range",
          bounds.map((bound) => graph.cast(bound, "int32")),
          { type: "int32", shape: [length] },
        )
      : graph.node("Range", bounds, { type: "int64", shape: [length] });
  return tensorOf(graph.cast(range, "int32")) as tf.Tensor1D;
}
