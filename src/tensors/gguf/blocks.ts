import { toFloat16Bits } from "../half";
import { convertToFloat32 } from "../tensor";
import type { GgufType } from "./types";

/** The elements that share a scale. */
export const BLOCK = 32;

/**
 * A tensor of whole numbers in blocks of 32 along its rows: value = scale · (code − zero) + minimum. Arrays are row-major:
 * codes [rows, blocks, 32], scales and minimums [rows, blocks].
 */
export interface BlockCodes {
  readonly bits: 4 | 8;
  /** From 0 to 2^bits − 1. */
  readonly codes: Uint8Array;
  readonly zero: number;
  readonly scales: Float32Array;
  /** Without it 0. */
  readonly minimums?: Float32Array;
}

/** How the blocks of a type lie in a file: f16 scale, f16 minimum if there is one, then the codes. */
const LAYOUTS = {
  Q4_0: { bits: 4, zero: 8, hasMinimum: false },
  Q4_1: { bits: 4, zero: 0, hasMinimum: true },
  Q8_0: { bits: 8, zero: 128, hasMinimum: false },
} as const;

type BlockType = keyof typeof LAYOUTS;

/** Whether a type is one whose codes {@link blockCodes} gives. */
export function isBlockType(type: Pick<GgufType, "name">): boolean {
  return Object.hasOwn(LAYOUTS, type.name);
}

const FLOATS: Readonly<Record<string, "float32" | "float16" | "bfloat16">> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/** Whether {@link decodeBlocks} knows a type. */
export function isReadable(type: Pick<GgufType, "name">): boolean {
  return type.name in FLOATS || isBlockType(type);
}

/**
 * The codes, scales and minimums of blocks. In a 4-bit block byte j holds element j in its low half and j + 16 in its high
 * one; 8-bit codes are signed, and are given with 128 added.
 */
export function blockCodes(type: GgufType, bytes: Uint8Array): BlockCodes {
  const { bits, zero, hasMinimum } = LAYOUTS[type.name as BlockType];
  const count = bytes.length / type.bytes;
  const codes = new Uint8Array(count * BLOCK);
  const halves = new Uint16Array(hasMinimum ? 2 * count : count);
  const headBytes = hasMinimum ? 4 : 2;
  for (let block = 0; block < count; block++) {
    let at = block * type.bytes;
    halves[block] = bytes[at]! | (bytes[at + 1]! << 8);
    if (hasMinimum) halves[count + block] = bytes[at + 2]! | (bytes[at + 3]! << 8);
    at += headBytes;
    const to = block * BLOCK;
    if (bits === 8) for (let j = 0; j < BLOCK; j++) codes[to + j] = bytes[at + j]! ^ 0x80;
    else
      for (let j = 0; j < BLOCK / 2; j++) {
        codes[to + j] = bytes[at + j]! & 15;
        codes[to + j + BLOCK / 2] = bytes[at + j]! >> 4;
      }
  }
  const floats = new Float32Array(halves.length);
  convertToFloat32("float16", halves, floats);
  return {
    bits,
    zero,
    codes,
    scales: floats.subarray(0, count),
    ...(hasMinimum && { minimums: floats.subarray(count) }),
  };
}

/** The float32 values of stored elements; `bytes` are whole blocks and lie aligned in their buffer. */
export function decodeBlocks(type: GgufType, bytes: Uint8Array, target: Float32Array): void {
  const float = FLOATS[type.name];
  if (float) {
    const Stored = float === "float32" ? Float32Array : Uint16Array;
    const elements = new Stored(bytes.buffer as ArrayBuffer, bytes.byteOffset, target.length);
    convertToFloat32(float, elements, target);
    return;
  }
  const { bits, codes, zero, scales, minimums } = blockCodes(type, bytes);
  const table = new Float32Array(16);
  for (let block = 0; block < scales.length; block++) {
    // Product and sum are exact in float64, so that storing them rounds once, as float32 arithmetic does.
    const scale = scales[block]!;
    const minimum = minimums ? minimums[block]! : -0;
    const end = (block + 1) * BLOCK;
    if (bits === 8) for (let i = end - BLOCK; i < end; i++) target[i] = scale * (codes[i]! - zero);
    else {
      for (let code = 0; code < 16; code++) table[code] = scale * (code - zero) + minimum;
      for (let i = end - BLOCK; i < end; i++) target[i] = table[codes[i]!]!;
    }
  }
}

/**
 * Q8_0 of values in whole blocks: d = max |x| / 127, codes x / d rounded half away from zero, as llama.cpp's reference
 * does, in float32 throughout.
 */
export function encodeQ8(values: Float32Array): Uint8Array {
  const count = values.length / BLOCK;
  const scales = new Float32Array(count);
  for (let block = 0; block < count; block++) {
    let most = 0;
    for (let j = 0; j < BLOCK; j++) most = Math.max(most, Math.abs(values[block * BLOCK + j]!));
    scales[block] = most / 127;
  }
  const halves = toFloat16Bits(scales);
  const bytes = new Uint8Array(count * (BLOCK + 2));
  for (let block = 0; block < count; block++) {
    const at = block * (BLOCK + 2);
    bytes[at] = halves[block]! & 0xff;
    bytes[at + 1] = halves[block]! >> 8;
    const inverse = scales[block] === 0 ? 0 : Math.fround(1 / scales[block]!);
    for (let j = 0; j < BLOCK; j++) {
      const x = Math.fround(values[block * BLOCK + j]! * inverse);
      const magnitude = Math.floor(Math.abs(x) + 0.5);
      bytes[at + 2 + j] = x < 0 ? -magnitude : magnitude;
    }
  }
  return bytes;
}
