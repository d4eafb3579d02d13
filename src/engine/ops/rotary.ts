import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";
import { differentiable } from "./differentiable";

/**
 * Rotary position embedding (Su et al., 2021) with halves turned against each other: of each head (x₁, x₂) becomes
 * (x₁ cos − x₂ sin, x₂ cos + x₁ sin). x is [rows, heads · d]; `cos` and `sin`, [rows, d / 2], are those of each row's angles.
 * The gradient is dy turned back. None for `cos` and `sin`.
 */
export function rotary(x: tf.Tensor2D, cos: tf.Tensor2D, sin: tf.Tensor2D): tf.Tensor2D {
  const operation = differentiable(([x, cos, sin]) => ({
    value: turn(x!, cos!, sin!),
    save: [cos!, sin!],
    gradients: (dy, [cos, sin]) => [turn(dy, cos!, tf.neg(sin!)), tf.zerosLike(cos!), tf.zerosLike(sin!)],
  }));
  return operation([x, cos, sin]) as tf.Tensor2D;
}

function turn(x: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor): tf.Tensor {
  const [rows, width] = x.shape as [number, number];
  const half = cos.shape[1]!;
  const graph = recordingGraph();
  if (graph) {
    // The rows are one sequence of positions 0, 1, …, whose angles the tables hold.
    const sequence = graph.reshape(valueOf(x), [1, rows, width]);
    const first = graph.constant("int64", [1], [0]);
    const inputs = [sequence, first, valueOf(cos), valueOf(sin)];
    const turned = graph.node("RotaryEmbedding", inputs, sequence, {}, "com.microsoft");
    return tensorOf(graph.reshape(turned, [rows, width]));
  }
  const [first, second] = tf.split(tf.reshape(x, [rows, width / half / 2, 2, half]), 2, 2);
  const [c, s] = [cos, sin].map((table) => tf.reshape(table, [rows, 1, 1, half]));
  const turned = [
    tf.sub(tf.mul(first!, c!), tf.mul(second!, s!)),
    tf.add(tf.mul(second!, c!), tf.mul(first!, s!)),
  ];
  return tf.reshape(tf.concat(turned, 2), [rows, width]);
}

/**
 * cos and sin of position · frequency, each [rows, frequencies], for positions [rows], whole numbers from 0 to below `most`. WebGPU
 * lets both be off by 2⁻¹¹: there they are looked up in tables of all positions.
 */
export function rotaryAngles(
  positions: tf.Tensor1D,
  frequencies: Float32Array,
  most: number,
): { cos: tf.Tensor2D; sin: tf.Tensor2D } {
  const width = frequencies.length;
  if (recordingGraph()?.device === "webgpu") {
    const table = (of: (angle: number) => number) => {
      const values = Float32Array.from({ length: most * width }, (_, i) =>
        of(Math.fround(Math.floor(i / width) * frequencies[i % width]!)),
      );
      return tf.gather(tf.tensor2d(values, [most, width]), tf.cast(positions, "int32"));
    };
    return { cos: table(Math.cos), sin: table(Math.sin) };
  }
  const row = tf.tensor2d(frequencies, [1, width]);
  const angles: tf.Tensor2D = tf.mul(tf.expandDims(tf.cast(positions, "float32"), 1), row);
  return { cos: tf.cos(angles), sin: tf.sin(angles) };
}
