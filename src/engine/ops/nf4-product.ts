import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";
import { after } from "./after";
import { unpackedAfter } from "./bytes";
import { differentiable } from "./differentiable";

/**
 * The sixteen values of 4-bit NormalFloat, in rising order: quantiles of the normal distribution, with 0, −1 and 1 among them
 * (Dettmers et al., QLoRA, 2023; the digits are those of bitsandbytes).
 */
export const NF4_VALUES: Float32Array = Float32Array.of(
  ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453],
  ...[-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0],
  ...[0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224],
  ...[0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
);

/**
 * The 256 values that absmax is rounded to, in rising order: for each i from 0 to 6 the midpoints of 2^i equal parts of
 * [0.1, 1], times 10^(i − 6), with both signs, and 0 and 1 (Dettmers, 8-Bit Approximations, 2016: the signed dynamic type).
 */
export const DYNAMIC_VALUES: Float32Array = dynamicValues();

/** Blocks whose absmax share an absmax of their own. */
export const NF4_NESTED_BLOCK = 256;

/**
 * A matrix W [out, in] in 4-bit NormalFloat: read row by row, it is cut into blocks (which may cross rows; the last may be
 * short) and w = NF4_VALUES[code] · absmax of its block.
 */
export interface Nf4Weight<T> {
  /**
   * uint8 [out, ⌈in / 2⌉], where the codes of ⌈out · in / 2⌉ pairs of weights come one after the other, the first of a pair in the
   * high half of a byte; what is left over behind them is 0.
   */
  readonly codes: T;
  /** [blocks]: of each block of 64 (or 32) weights, as float32 or, where `nested` is given, as uint8. */
  readonly absmax: T;
  /** absmax = DYNAMIC_VALUES[uint8] · absmax of 256 blocks + offset: double quantisation. */
  readonly nested?: {
    /** float32 [⌈blocks / 256⌉] */
    readonly absmax: T;
    /** float32 [1] */
    readonly offset: T;
  };
}

/** The weights of a block, of `count` weights in `blocks` blocks: 64, or 32 where so many blocks are needed. */
export function nf4BlockSize(count: number, blocks: number): 32 | 64 {
  for (const size of [64, 32] as const) if (Math.ceil(count / size) === blocks) return size;
  throw new Error(`${blocks} blocks of NF4 cannot hold ${count} weights: 32 or 64 go into one`);
}

/**
 * x Wᵀ [rows, out] for x [rows, in] and a frozen W [out, in] in NF4; the gradient of x is dy W, W has none. In a recorded
 * program W is restored within the forward product, and for dy W only once dy is there, so that no more than one restored W
 * is in memory. MatMulBnb4 restores W four times as fast as Gather from a table, but multiplies by Wᵀ only (the CPU's kernel
 * takes no notice of transB = 0): for W itself it multiplies a small identity matrix by the codes, which is exact.
 */
export function nf4Product(x: tf.Tensor2D, weight: Nf4Weight<tf.Tensor>): tf.Tensor2D {
  const operation = differentiable(([x]) => ({
    value: forward(x as tf.Tensor2D, weight),
    save: [],
    gradients: (dy) => [tf.matMul(dy as tf.Tensor2D, restored(weight, x!.shape[1]!, dy))],
  }));
  return operation([x]) as tf.Tensor2D;
}

function forward(x: tf.Tensor2D, weight: Nf4Weight<tf.Tensor>): tf.Tensor2D {
  const [rows, inputs] = x.shape;
  const out = weight.codes.shape[0]!;
  const graph = graphWithBnb4();
  if (!graph) return tf.matMul(x, restored(weight, inputs), false, true);
  const operands = [valueOf(x), valueOf(packed(weight, out * inputs)), valueOf(restoredAbsmax(weight))];
  const result = { type: "float32", shape: [rows, out] } as const;
  const attributes = attributesOf(weight, out * inputs, inputs, out);
  return tensorOf(graph.node("MatMulBnb4", operands, result, attributes, "com.microsoft")) as tf.Tensor2D;
}

/** W [out, in]; in a recorded program not before `dy` is there. */
function restored(weight: Nf4Weight<tf.Tensor>, inputs: number, dy?: tf.Tensor): tf.Tensor2D {
  const out = weight.codes.shape[0]!;
  const count = out * inputs;
  const absmax = restoredAbsmax(weight);
  const codes = packed({ ...weight, codes: dy ? unpackedAfter(weight.codes, dy) : weight.codes }, count);
  const whole = 2 * codes.size; // count, and 1 more where that is odd
  const graph = graphWithBnb4();
  let values: tf.Tensor;
  if (graph) {
    const width = [8, 4, 2].find((width) => whole % width === 0)!;
    const identity = after(tf.eye(width), dy!);
    const operands = [valueOf(identity), valueOf(codes), valueOf(absmax)];
    const result = { type: "float32", shape: [width, whole / width] } as const;
    const attributes = attributesOf(weight, count, width, whole / width);
    const columns = graph.node("MatMulBnb4", operands, result, attributes, "com.microsoft");
    values = tf.transpose(tensorOf(columns));
  } else {
    const size = nf4BlockSize(count, absmax.size);
    const padded = tf.pad(tf.reshape(pairs(codes), [-1]), [[0, absmax.size * size - whole]]);
    values = tf.mul(tf.reshape(padded, [absmax.size, size]), tf.expandDims(absmax, 1));
  }
  const flat = tf.reshape(values, [-1]);
  return tf.reshape(flat.size === count ? flat : tf.slice(flat, 0, count), [out, inputs]) as tf.Tensor2D;
}

/** The bytes of the codes, one after the other. */
function packed({ codes }: Nf4Weight<tf.Tensor>, count: number): tf.Tensor {
  const flat = tf.reshape(codes, [-1]);
  const bytes = Math.ceil(count / 2);
  return flat.size === bytes ? flat : tf.slice(flat, 0, bytes);
}

/** float32 [blocks] */
function restoredAbsmax({ absmax, nested }: Nf4Weight<tf.Tensor>): tf.Tensor {
  if (!nested) return absmax;
  const [blocks, groups] = [absmax.size, nested.absmax.size];
  const found = tf.gather(tf.tensor1d(DYNAMIC_VALUES), indices(absmax));
  const values = tf.reshape(tf.pad(found, [[0, groups * NF4_NESTED_BLOCK - blocks]]), [groups, -1]);
  const scaled = tf.reshape(tf.mul(values, tf.expandDims(nested.absmax, 1)), [-1]);
  return tf.add(tf.slice(scaled, 0, blocks), nested.offset);
}

/** The values of the two codes in each byte, [bytes, 2]. */
function pairs(bytes: tf.Tensor): tf.Tensor {
  const table = Float32Array.from({ length: 512 }, (_, i) => NF4_VALUES[i % 2 ? (i >> 1) & 15 : i >> 5]!);
  return tf.gather(tf.tensor2d(table, [256, 2]), indices(bytes));
}

/** Bytes as indices. */
function indices(bytes: tf.Tensor): tf.Tensor1D {
  const graph = recordingGraph();
  return (graph ? tensorOf(graph.cast(valueOf(bytes), "int32")) : bytes) as tf.Tensor1D;
}

/** The graph that is being recorded, if it is for a device that has MatMulBnb4: WebGPU restores W from a table. */
function graphWithBnb4() {
  const graph = recordingGraph();
  return graph?.device === "webgpu" ? undefined : graph;
}

const attributesOf = ({ absmax }: Nf4Weight<tf.Tensor>, count: number, K: number, N: number) => {
  return { K, N, block_size: nf4BlockSize(count, absmax.size), quant_type: 1, transB: 1 };
};

/** With PyTorch's roundings of linspace, so that all digits are those of bitsandbytes. */
function dynamicValues(): Float32Array {
  const { fround } = Math;
  const start = fround(0.1);
  const values = [0, 1];
  for (let i = 0; i < 7; i++) {
    const parts = 2 ** i;
    const step = fround(fround(1 - start) / parts);
    const bound = (k: number) => fround(2 * k <= parts ? start + step * k : 1 - step * (parts - k));
    for (let k = 0; k < parts; k++) {
      const value = fround(fround(10 ** (i - 6)) * fround(fround(bound(k) + bound(k + 1)) / 2));
      values.push(value, -value);
    }
  }
  return Float32Array.from(values).sort();
}
