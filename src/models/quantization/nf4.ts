import {
  DYNAMIC_VALUES,
  NF4_NESTED_BLOCK,
  NF4_VALUES,
  nf4BlockSize,
  nf4Product,
  type Nf4Weight,
  type ProgramTensor,
  type TensorSpec,
} from "../../engine";
import { elementCount, float32Tensor } from "../../tensors";
import { linearLink } from "../layers/linear";
import { float32Mean } from "./float32-mean";
import type { QuantizationScheme } from "./scheme";

/** The weights that share an absmax. */
export const NF4_BLOCK = 64;

/** NF4 in ordinary memory; `codes` holds ⌈weights / 2⌉ bytes or more. */
export type Nf4Arrays = Nf4Weight<Uint8Array | Float32Array>;

const partsOf = (weight: string) => ({
  codes: `${weight}.nf4`,
  absmax: `${weight}.absmax`,
  nestedAbsmax: `${weight}.nested_absmax`,
  offset: `${weight}.nested_offset`,
});

/**
 * 4-bit NormalFloat with double quantisation, as QLoRA keeps a frozen base: 4.127 bits a weight, and products in float32 (see
 * `nf4Product`). The tensors of a weight `….q.weight` [out, in] of b = ⌈out · in / 64⌉ blocks: `….q.weight.nf4`, uint8
 * [out, ⌈in / 2⌉]; `….absmax`, uint8 [b]; `….nested_absmax`, float32 [⌈b / 256⌉]; `….nested_offset`, float32 [1].
 */
export const nf4: QuantizationScheme = {
  name: "NF4",
  specs(weight, shape) {
    const [out, inputs] = shape as readonly [number, number];
    const parts = partsOf(weight);
    const blocks = Math.ceil((out * inputs) / NF4_BLOCK);
    const specs: Record<string, TensorSpec> = {
      [parts.codes]: { dtype: "uint8", shape: [out, Math.ceil(inputs / 2)] },
      [parts.absmax]: { dtype: "uint8", shape: [blocks] },
      [parts.nestedAbsmax]: { dtype: "float32", shape: [Math.ceil(blocks / NF4_NESTED_BLOCK)] },
      [parts.offset]: { dtype: "float32", shape: [1] },
    };
    return specs;
  },
  quantize: (weight, { shape, data }) => nf4Tensors(weight, shape, quantizeNf4(data)),
  link: (parameters) =>
    linearLink((layer) => {
      const parts = partsOf(`${layer}.weight`);
      const [codes, absmax] = [parameters[parts.codes], parameters[parts.absmax]];
      if (!codes || !absmax) return undefined;
      const [nestedAbsmax, offset] = [parameters[parts.nestedAbsmax], parameters[parts.offset]];
      const nested = nestedAbsmax && offset ? { absmax: nestedAbsmax, offset } : undefined;
      return (x) => nf4Product(x, { codes, absmax, ...(nested && { nested }) });
    }),
};

/** The tensors of the scheme for a weight [out, in] in NF4; the bytes of its codes are kept where they fill whole rows. */
export function nf4Tensors(
  weight: string,
  shape: readonly number[],
  { codes, absmax, nested }: Nf4Arrays,
): Record<string, ProgramTensor> {
  const parts = partsOf(weight);
  const [out, inputs] = shape as readonly [number, number];
  const rowBytes = Math.ceil(inputs / 2);
  let filled = codes as Uint8Array;
  if (filled.length !== out * rowBytes) {
    filled = new Uint8Array(out * rowBytes);
    filled.set(codes);
  }
  return {
    [parts.codes]: { dtype: "uint8", shape: [out, rowBytes], data: filled },
    [parts.absmax]:
      absmax instanceof Float32Array
        ? float32Tensor([absmax.length], absmax)
        : { dtype: "uint8", shape: [absmax.length], data: absmax },
    ...(nested && {
      [parts.nestedAbsmax]: float32Tensor([nested.absmax.length], nested.absmax as Float32Array),
      [parts.offset]: float32Tensor([1], nested.offset as Float32Array),
    }),
  };
}

/** The arrays of a weight's tensors, as {@link nf4Tensors} names them. */
export function nf4Arrays(weight: string, tensors: Readonly<Record<string, ProgramTensor>>): Nf4Arrays {
  const parts = partsOf(weight);
  const arrayOf = (name: string) => tensors[name]!.data as Uint8Array | Float32Array;
  const nested = tensors[parts.offset] && {
    absmax: arrayOf(parts.nestedAbsmax),
    offset: arrayOf(parts.offset),
  };
  return { codes: arrayOf(parts.codes), absmax: arrayOf(parts.absmax), ...(nested && { nested }) };
}

/**
 * Rounds weights, which lie row by row, to NF4 with double quantisation, to the codes that bitsandbytes gives on a CPU: each block
 * of 64 is divided by its largest magnitude, and a quotient gets the nearest value, of two that are as near the lower one. So
 * does absmax less its mean, in blocks of 256, but there a quotient is first rounded to 65,536 even steps from −1 to 1.
 */
export function quantizeNf4(weights: Float32Array): Nf4Arrays {
  const { absmax, codes } = roundBlocks(weights, NF4_BLOCK, nearestOf(NF4_VALUES));
  const packed = new Uint8Array(Math.ceil(weights.length / 2));
  for (let i = 0; i < weights.length; i++) packed[i >> 1]! |= i % 2 ? codes[i]! : codes[i]! << 4;
  // An odd number of weights is filled up with a 0.
  if (weights.length % 2) packed[packed.length - 1]! |= NF4_VALUES.indexOf(0);
  const offset = absmax.length === 0 ? 0 : float32Mean(absmax);
  const centred = absmax.map((value) => value - offset);
  const nested = roundBlocks(centred, NF4_NESTED_BLOCK, nearestDynamic);
  // Where all absmax are the same nothing is left to divide, and bitsandbytes has code 0.
  nested.absmax.forEach((size, i) => {
    if (size === 0) nested.codes.fill(0, i * NF4_NESTED_BLOCK, (i + 1) * NF4_NESTED_BLOCK);
  });
  return {
    codes: packed,
    absmax: nested.codes,
    nested: { absmax: nested.absmax, offset: Float32Array.of(offset) },
  };
}

/** The largest magnitude of each block, and the code of each number divided by it. */
function roundBlocks(numbers: Float32Array, size: number, codeOf: (quotient: number) => number) {
  const { fround } = Math;
  const absmax = new Float32Array(Math.ceil(numbers.length / size));
  const codes = new Uint8Array(numbers.length);
  for (let block = 0; block < absmax.length; block++) {
    const [from, to] = [block * size, Math.min((block + 1) * size, numbers.length)];
    let largest = 0;
    for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(numbers[i]!));
    absmax[block] = largest;
    const divisor = fround(Math.max(largest, 1e-38));
    // As bitsandbytes does: whole blocks by the reciprocal, a short one by division.
    const factor = fround(1 / divisor);
    const isWhole = to - from === size;
    for (let i = from; i < to; i++)
      codes[i] = codeOf(fround(isWhole ? numbers[i]! * factor : numbers[i]! / divisor));
  }
  return { absmax, codes };
}

/** The place of the nearest of rising `values`, of two that are as near the lower one. */
function nearestOf(values: Float32Array): (value: number) => number {
  const bounds = values.subarray(1).map((upper, i) => Math.fround(Math.fround(upper + values[i]!) / 2));
  return (value) => {
    let [low, high] = [0, bounds.length]; // the number of bounds below the value
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

const nearestDynamicStep = nearestOf(DYNAMIC_VALUES);

function nearestDynamic(value: number): number {
  const { fround } = Math;
  const step = Math.floor(fround(fround(fround(value + 1) * 32767.5) + 0.5));
  return nearestDynamicStep(fround(step / 32767.5 - 1));
}

/** The values of a weight [out, in], with the bits that bitsandbytes gives. */
export function dequantizeNf4(shape: readonly number[], { codes, absmax, nested }: Nf4Arrays): Float32Array {
  const values = new Float32Array(elementCount(shape));
  const size = nf4BlockSize(values.length, absmax.length);
  const sizes = absmax instanceof Float32Array ? absmax : restoredAbsmax(absmax, nested!);
  for (let i = 0; i < values.length; i++) {
    const pair = codes[i >> 1]!;
    values[i] = NF4_VALUES[i % 2 ? pair & 15 : pair >> 4]! * sizes[Math.floor(i / size)]!;
  }
  return values;
}

function restoredAbsmax(codes: Uint8Array, nested: NonNullable<Nf4Arrays["nested"]>): Float32Array {
  const [offset] = nested.offset;
  return Float32Array.from(
    codes,
    (code, i) =>
      Math.fround(DYNAMIC_VALUES[code]! * nested.absmax[Math.floor(i / NF4_NESTED_BLOCK)]!) + offset!,
  );
}
