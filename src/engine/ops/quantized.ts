import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/** How blocks of neighbouring weights of a row are kept: each has a scale, and a minimum where `minimums` says so. */
export interface BlockForm {
  readonly bits: 4 | 8;
  /** Weights in a block: a power of 2, at least 16. */
  readonly size: number;
  /**
   * Without minimums w = (q − 2^(bits − 1)) · scale, as in GGUF's Q8_0 and Q4_0; with them w = q · scale + minimum, as in Q4_1.
   */
  readonly minimums?: boolean;
}

/** 8 bits and one scale for 128 weights: the fewest bytes beside the weights that keep generation's accuracy. */
export const INT8_BLOCKS: BlockForm = { bits: 8, size: 128 };

/** A matrix [out, in] in blocks; see {@link BlockForm}. */
export interface QuantizedMatrix<Values, Scales> {
  /**
   * uint8 [out, blocks, size · bits / 8]; of 4 bits the first weight of each pair is in the low half of a byte. The last block
   * of a row is filled up with whatever the matrix does not reach.
   */
  readonly values: Values;
  /** float32 [out, blocks] */
  readonly scales: Scales;
  /** float32 [out, blocks], where the form has them. */
  readonly minimums?: Scales;
}

/**
 * Rounds a matrix [out, in] to the nearest values of a form. In each block without minimums, the largest magnitude becomes ±127 of
 * 8 bits, −8 of 4 bits (with the sign of the scale); with them, the least value becomes 0 and the greatest 2^bits − 1.
 */
export function quantizeMatrix(
  weight: Float32Array,
  [out, inputs]: readonly [number, number],
  { bits, size, minimums = false }: BlockForm = INT8_BLOCKS,
): QuantizedMatrix<Uint8Array, Float32Array> {
  const blocks = Math.ceil(inputs / size);
  const most = 2 ** bits - 1;
  const codes = new Uint8Array(size);
  const bytes = (size * bits) / 8;
  const values = new Uint8Array(out * blocks * bytes);
  const scales = new Float32Array(out * blocks);
  const least = minimums ? new Float32Array(out * blocks) : undefined;
  for (let block = 0; block < out * blocks; block++) {
    const row = Math.floor(block / blocks);
    const from = row * inputs + (block - row * blocks) * size;
    const to = Math.min(from + size, (row + 1) * inputs);
    let [minimum, maximum] = [Infinity, -Infinity];
    for (let i = from; i < to; i++) {
      minimum = Math.min(minimum, weight[i]!);
      maximum = Math.max(maximum, weight[i]!);
    }
    const peak = maximum > -minimum ? maximum : minimum;
    const scale = Math.fround(
      minimums ? (maximum - minimum) / most : bits === 8 ? Math.abs(peak) / 127 : peak / -8,
    );
    const zero = minimums ? minimum : -(2 ** (bits - 1)) * scale;
    scales[block] = scale;
    if (least) least[block] = minimum;
    codes.fill(minimums ? 0 : 2 ** (bits - 1));
    if (scale !== 0) {
      for (let i = from; i < to; i++)
        codes[i - from] = Math.min(Math.round((weight[i]! - zero) / scale), most);
    }
    if (bits === 8) values.set(codes, block * bytes);
    else for (let i = 0; i < bytes; i++) values[block * bytes + i] = codes[2 * i]! | (codes[2 * i + 1]! << 4);
  }
  return { values, scales, ...(least && { minimums: least }) };
}

/**
 * x Wᵀ [rows, out] for x [rows, in] and W [out, in] in blocks of 4 or 8 `bits`. In a recorded program ONNX Runtime also rounds x
 * to 8 bits, by row and block, and multiplies integers; elsewhere W is expanded first, so x stays exact. Minimums are a product
 * of their own, of the sums of x over each block: with s = Σ x of a block and z = 2^(bits − 1),
 * Σ x (q · scale + minimum) = Σ x (q − z) · scale + s (minimum + z · scale), where the last factor, which is small, is rounded to
 * 8 bits, by row.
 */
export function matMulQuantized(
  x: tf.Tensor2D,
  matrix: QuantizedMatrix<tf.Tensor, tf.Tensor>,
  bits: 4 | 8 = 8,
): tf.Tensor2D {
  const [rows, inputs] = x.shape;
  const { values, scales, minimums } = matrix;
  const [out, blocks] = scales.shape as [number, number];
  const graph = recordingGraph();
  if (!graph) return tf.matMul(x, expanded(matrix, inputs, bits), false, true);
  const product = multiplied(x, values, scales, bits);
  if (!minimums) return product;
  const size = (values.shape[2]! * 8) / bits;
  const padded = tf.pad(x, [
    [0, 0],
    [0, blocks * size - inputs],
  ]);
  const sums = tf.sum(tf.reshape(padded, [rows, blocks, size]), 2) as tf.Tensor2D;
  const shifts = tf.add(minimums, tf.mul(scales, 2 ** (bits - 1)));
  const largest = tf.maximum(tf.max(shifts, 1, true), tf.neg(tf.min(shifts, 1, true)));
  const steps = tf.add(tf.div(largest, 127), TINY);
  const groups = Math.ceil(blocks / SHIFTS);
  const codes = tf.pad(tf.add(tf.div(shifts, steps), 128.5), [
    [0, 0],
    [0, groups * SHIFTS - blocks],
  ]);
  const bytes = tensorOf(graph.cast(valueOf(codes), "uint8")); // rounds down
  const correction = multiplied(
    sums,
    tf.reshape(bytes, [out, groups, SHIFTS]),
    tf.tile(steps, [1, groups]),
    8,
  );
  return tf.add(product, correction);
}

/** Minimums in a block of the product that they are. */
const SHIFTS = 32;

/** Added to a step of 8 bits, which may be 0. */
const TINY = 1e-30;

/** x Wᵀ by ONNX Runtime, for W in blocks without minimums. */
function multiplied(x: tf.Tensor2D, values: tf.Tensor, scales: tf.Tensor, bits: 4 | 8): tf.Tensor2D {
  const [[rows, inputs], out] = [x.shape, scales.shape[0]!];
  const size = (values.shape[2]! * 8) / bits;
  const attributes = { K: inputs, N: out, bits, block_size: size, accuracy_level: 4 };
  const result = { type: "float32", shape: [rows, out] } as const;
  const operands = [x, values, scales].map(valueOf);
  const graph = recordingGraph()!;
  return tensorOf(graph.node("MatMulNBits", operands, result, attributes, "com.microsoft")) as tf.Tensor2D;
}

/** The rows [n, in] of a matrix [out, in] in blocks of 4 or 8 `bits` that int32 ids [n] name. */
export function gatherQuantized(
  ids: tf.Tensor1D,
  { values, scales, minimums }: QuantizedMatrix<tf.Tensor, tf.Tensor>,
  inputs: number,
  bits: 4 | 8 = 8,
): tf.Tensor2D {
  const gathered = (table: tf.Tensor) => tf.gather(table, ids);
  const parts = { values: gathered(values), scales: gathered(scales) };
  return expanded(minimums ? { ...parts, minimums: gathered(minimums) } : parts, inputs, bits);
}

/** The values of a matrix in blocks, [out, inputs]. */
function expanded(
  { values, scales, minimums }: QuantizedMatrix<tf.Tensor, tf.Tensor>,
  inputs: number,
  bits: 4 | 8,
): tf.Tensor2D {
  const [out, blocks] = scales.shape as [number, number];
  const bytes = tf.cast(values, "float32");
  const codes = bits === 8 ? bytes : halves(bytes);
  const spread = tf.expandDims(scales, 2);
  const products = minimums
    ? tf.add(tf.mul(codes, spread), tf.expandDims(minimums, 2))
    : tf.mul(tf.sub(codes, 2 ** (bits - 1)), spread);
  const padded = tf.reshape(products, [out, (blocks * values.shape[2]! * 8) / bits]) as tf.Tensor2D;
  return padded.shape[1] === inputs ? padded : tf.slice(padded, [0, 0], [out, inputs]);
}

/** The two halves of each byte, the low one first: [out, blocks, bytes] as [out, blocks, 2 · bytes], in floats. */
function halves(bytes: tf.Tensor): tf.Tensor {
  const [out, blocks, length] = bytes.shape as [number, number, number];
  const high = tf.floor(tf.mul(bytes, 1 / 16));
  const low = tf.sub(bytes, tf.mul(high, 16));
  return tf.reshape(tf.stack([low, high], 3), [out, blocks, 2 * length]);
}
