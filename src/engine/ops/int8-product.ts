import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";
import { differentiable } from "./differentiable";

/** A matrix [rows, columns] in 8 bits, w = values · scale, with a scale for every column. */
export interface Int8Matrix<Values, Scales> {
  /** int8 [rows, columns], −127 … 127. */
  readonly values: Values;
  /** float32 [columns] */
  readonly scales: Scales;
}

/**
 * A frozen weight W [out, in] in 8 bits, once for each product that a training step takes of it, so that both have a scale for
 * every column of their result: `transposed` is Wᵀ [in, out] for x Wᵀ, `straight` is W for dy W. Half the memory of float32.
 */
export interface Int8Weight<Values, Scales> {
  readonly transposed: Int8Matrix<Values, Scales>;
  readonly straight: Int8Matrix<Values, Scales>;
}

/** Rounds a weight [out, in] to 8 bits: in each column the largest magnitude becomes ±127. */
export function int8Weight(
  weight: Float32Array,
  [out, inputs]: readonly [number, number],
): Int8Weight<Int8Array, Float32Array> {
  const rowLargest = new Float32Array(out);
  const columnLargest = new Float32Array(inputs);
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < inputs; column++) {
      const size = Math.abs(weight[row * inputs + column]!);
      if (size > rowLargest[row]!) rowLargest[row] = size;
      if (size > columnLargest[column]!) columnLargest[column] = size;
    }
  }
  const transposed = { values: new Int8Array(weight.length), scales: rowLargest.map((size) => size / 127) };
  const straight = { values: new Int8Array(weight.length), scales: columnLargest.map((size) => size / 127) };
  for (let row = 0; row < out; row++) {
    const rowStep = transposed.scales[row] || 1;
    for (let column = 0; column < inputs; column++) {
      const value = weight[row * inputs + column]!;
      transposed.values[column * out + row] = Math.round(value / rowStep);
      straight.values[row * inputs + column] = Math.round(value / (straight.scales[column] || 1));
    }
  }
  return { transposed, straight };
}

/**
 * x Wᵀ [rows, out] for x [rows, in] and a frozen W [out, in] in 8 bits; the gradient of x is dy W by 8 bits as well, W has
 * none. In a recorded program x and dy are rounded to 8 bits too, at every run (see {@link product}), and integers are
 * multiplied; elsewhere they stay exact.
 */
export function int8Product(x: tf.Tensor2D, weight: Int8Weight<tf.Tensor, tf.Tensor>): tf.Tensor2D {
  const { transposed, straight } = weight;
  const operation = differentiable(([x, values, scales]) => ({
    value: product(x!, transposed),
    save: [values!, scales!],
    gradients: (dy, [values, scales]) => [
      product(dy, { values: values!, scales: scales! }),
      tf.zerosLike(values!),
      tf.zerosLike(scales!),
    ],
  }));
  return operation([x, straight.values, straight.scales]) as tf.Tensor2D;
}

/** Added to the largest magnitude of a row, which may be 0. */
const TINY = 1e-30;

/**
 * x M for x [rows, k] and M [k, n] in 8 bits. The rows of x are first divided by their largest magnitude r, so that one scale
 * of 8 bits fits all of them (gradients differ by orders of magnitude from token to token); the result is multiplied by it.
 * WebGPU has no product of whole numbers: there they are multiplied as floats, which hold them.
 */
function product(x: tf.Tensor, { values, scales }: Int8Matrix<tf.Tensor, tf.Tensor>): tf.Tensor {
  const graph = recordingGraph();
  if (!graph) return tf.mul(tf.matMul(x, tf.cast(values, "float32")), scales);
  const [rows, width] = x.shape as [number, number];
  const largest = tf.add(tf.maximum(tf.max(x, 1, true), tf.neg(tf.min(x, 1, true))), TINY);
  const relative = tf.div(x, largest);
  if (graph.device === "webgpu") {
    const { steps, size } = rounded(relative);
    const floats = tensorOf(graph.cast(valueOf(values), "float32"));
    return tf.mul(tf.mul(tf.matMul(steps, floats), tf.mul(scales, size)), largest);
  }
  const results = [
    { type: "uint8", shape: [rows, width] },
    { type: "float32", shape: [] },
    { type: "uint8", shape: [] },
  ] as const;
  const [codes, scale, zero] = graph.manyResults("DynamicQuantizeLinear", [valueOf(relative)], results);
  const operands = [codes!, valueOf(values), scale!, valueOf(scales), zero!];
  const result = { type: "float32", shape: [rows, values.shape[1]!] } as const;
  const raw = graph.node("MatMulIntegerToFloat", operands, result, {}, "com.microsoft");
  return tf.mul(tensorOf(raw), largest);
}

/** x as whole steps of one size, as ONNX's DynamicQuantizeLinear rounds it: 255 of them from the least, or 0, to the largest, or 0. */
function rounded(x: tf.Tensor): { steps: tf.Tensor; size: tf.Tensor } {
  const nearest = (x: tf.Tensor) => tf.floor(tf.add(x, 0.5)); // WebGPU has no Round
  const [least, most] = [tf.minimum(tf.min(x), 0), tf.maximum(tf.max(x), 0)];
  const size = tf.maximum(tf.div(tf.sub(most, least), 255), TINY);
  const zero = nearest(tf.neg(tf.div(least, size)));
  const codes = tf.clipByValue(tf.add(nearest(tf.div(x, size)), zero), 0, 255);
  return { steps: tf.sub(codes, zero), size };
}
