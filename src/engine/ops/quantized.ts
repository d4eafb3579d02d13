import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/** Neighbouring weights of a row that share a scale. */
export const QUANTIZED_BLOCK = 128;

/** A matrix [out, in] in 8 bits: w = (values − 128) · scale, with a scale for every block of 128 weights of a row. */
export interface QuantizedMatrix<Values, Scales> {
  /** uint8 [out, blocks, 128]; the last block of a row is filled up with 128. */
  readonly values: Values;
  /** float32 [out, blocks] */
  readonly scales: Scales;
}

/** Rounds a matrix [out, in] to 8 bits: in each block the largest magnitude becomes ±127. */
export function quantizeMatrix(
  weight: Float32Array,
  [out, inputs]: readonly [number, number],
): QuantizedMatrix<Uint8Array, Float32Array> {
  const blocks = Math.ceil(inputs / QUANTIZED_BLOCK);
  const values = new Uint8Array(out * blocks * QUANTIZED_BLOCK).fill(128);
  const scales = new Float32Array(out * blocks);
  for (let row = 0; row < out; row++) {
    for (let block = 0; block < blocks; block++) {
      const from = row * inputs + block * QUANTIZED_BLOCK;
      const to = Math.min(from + QUANTIZED_BLOCK, (row + 1) * inputs);
      let largest = 0;
      for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(weight[i]!));
      const scale = Math.fround(largest / 127);
      scales[row * blocks + block] = scale;
      if (scale === 0) continue;
      const target = (row * blocks + block) * QUANTIZED_BLOCK - from;
      for (let i = from; i < to; i++) values[target + i] = Math.round(weight[i]! / scale) + 128;
    }
  }
  return { values, scales };
}

/**
 * x Wᵀ [rows, out] for x [rows, in] and W [out, in] in 8 bits. In a recorded program ONNX Runtime also rounds x to 8 bits,
 * by row and block, and multiplies integers; elsewhere W is expanded first, so x stays exact.
 */
export function matMulQuantized(
  x: tf.Tensor2D,
  { values, scales }: QuantizedMatrix<tf.Tensor, tf.Tensor>,
): tf.Tensor2D {
  const [rows, inputs] = x.shape;
  const [out, blocks] = scales.shape as [number, number];
  const graph = recordingGraph();
  if (graph) {
    const attributes = { K: inputs, N: out, bits: 8, block_size: QUANTIZED_BLOCK, accuracy_level: 4 };
    const result = { type: "float32", shape: [rows, out] } as const;
    const operands = [valueOf(x), valueOf(values), valueOf(scales)];
    return tensorOf(graph.node("MatMulNBits", operands, result, attributes, "com.microsoft")) as tf.Tensor2D;
  }
  const expanded = tf.mul(tf.sub(tf.cast(values, "float32"), 128), tf.expandDims(scales, 2));
  const padded = tf.reshape(expanded, [out, blocks * QUANTIZED_BLOCK]);
  return tf.matMul(x, tf.slice(padded, [0, 0], [out, inputs]), false, true) as tf.Tensor2D;
}
