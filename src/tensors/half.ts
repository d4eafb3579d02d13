/**
 * The IEEE 754 binary16 bit patterns nearest to float32 values, ties to even; beyond ±65504 they become infinite.
 */
export function toFloat16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = halfBits(bits[i]!);
  return halves;
}

/** One float32 bit pattern as binary16. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = bits & 0x7fffff;
  if (exponent === 128) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  if (exponent > 15) return sign | 0x7c00;
  // Below 2⁻¹⁴ the hidden bit becomes part of the fraction, shifted further for every power of two.
  const subnormal = exponent < -14;
  const shift = subnormal ? Math.min(13 + (-14 - exponent), 31) : 13;
  const significand = subnormal ? fraction | 0x800000 : fraction;
  let half = subnormal ? significand >>> shift : ((exponent + 15) << 10) | (significand >>> shift);
  const rest = significand & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  if (rest > middle || (rest === middle && half & 1)) half++;
  return sign | half;
}

/** The bfloat16 bit patterns nearest to float32 values, ties to even. */
export function toBfloat16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const upper = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) upper[i] = (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) >>> 16;
  return upper;
}
