import { createCipheriv, createHash } from "node:crypto";
import { EngineError } from "./errors";

/** Where the random draws of one run come from: the same seed and step give the same draws on every device (but see {@link drawComputed}). */
export interface Noise {
  /** A whole number for the whole training run. */
  seed: number;
  /** The number of the step, from 0. */
  step: number;
}

/** A mask that a run draws: of `size` elements, each is 1 with probability 1 − threshold/256, else 0. */
export interface MaskDraw {
  /** The position of the draw among all of the run. */
  index: number;
  size: number;
  threshold: number;
}

/** `rate` as a multiple of 1/256. */
export function thresholdOf(rate: number): number {
  const threshold = Math.round(rate * 256);
  if (!(threshold > 0 && threshold < 256)) {
    throw new EngineError(`a dropout rate must lie between 1/256 and 255/256, not ${rate}`);
  }
  return threshold;
}

const CHUNK = 1 << 16;
const zeros = Buffer.alloc(CHUNK);

/**
 * Draws a mask into `words`. Its bytes are the key stream of AES-128 in counter mode, with a key from the seed and a counter
 * that starts at (step, index, 0): every draw of every step is its own part of the stream, so that a run can be resumed at any
 * step and leaving out one draw changes no other (counter-based random numbers, Salmon et al., 2011). A byte becomes 1 when it
 * is not less than the threshold.
 */
export function drawMask(
  { seed, step }: Noise,
  { index, size, threshold }: MaskDraw,
  words = new Int32Array(Math.ceil(size / 4)),
): Uint8Array {
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt(step), 0);
  counter.writeUInt32BE(index, 8);
  const key = createHash("sha256").update(`dropout ${seed}`).digest().subarray(0, 16);
  const stream = createCipheriv("aes-128-ctr", key, counter);
  for (let from = 0; from < words.length; from += CHUNK / 4) {
    const count = Math.min(CHUNK / 4, words.length - from);
    const bytes = stream.update(zeros.subarray(0, 4 * count));
    thresholdWords(new Int32Array(bytes.buffer, bytes.byteOffset, count), words.subarray(from), threshold);
  }
  return new Uint8Array(words.buffer, words.byteOffset, size);
}

/**
 * Compares the four bytes of each word with the threshold at once: of a byte b, adding 128 − t to its low seven bits
 * sets the high bit exactly when these are at least t, for t up to 128; above that, its own high bit must be set too.
 * Words are signed, which V8 keeps in registers; unsigned ones become doubles.
 */
function thresholdWords(words: Int32Array, target: Int32Array, threshold: number): void {
  const low = threshold <= 128;
  const add = Math.imul(low ? 128 - threshold : 256 - threshold, 0x01010101);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const carried = ((word & 0x7f7f7f7f) + add) | 0;
    target[i] = ((low ? word | carried : word & carried) >>> 7) & 0x01010101;
  }
}
