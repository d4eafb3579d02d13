const { fround } = Math;

/** Sums that run side by side, each in a float32 of its own: 8 in a vector, and 4 vectors at a time. */
const LANES = 8;
const VECTORS = 4;

/**
 * The mean as PyTorch computes it on one thread of a CPU: a sum in float32, whose last bits are those of its order. Numbers are dealt
 * out to 32 partial sums (4 where there are fewer than 8 numbers), each of which is itself a cascade of four.
 */
export function float32Mean(numbers: Float32Array): number {
  const { length } = numbers;
  if (length < LANES) return fround(rowSum(numbers, 1)[0]! / length);
  const whole = length - (length % LANES);
  const lanes = rowSum(numbers.subarray(0, whole), LANES);
  const rest = numbers.subarray(whole).reduce((sum, number) => fround(sum + number), 0);
  return fround(lanes.reduce((sum, lane) => fround(sum + lane), rest) / length);
}

/** The sums of the columns of rows of `width` numbers. */
function rowSum(numbers: Float32Array, width: number): Float32Array {
  const stride = VECTORS * width;
  const whole = numbers.length - (numbers.length % stride);
  const partial = cascade(numbers.subarray(0, whole), stride);
  for (let i = whole; i < numbers.length; i++) partial[i % width]! += numbers[i]!;
  for (let i = width; i < stride; i++) partial[i % width]! += partial[i]!;
  return partial.subarray(0, width);
}

/** As {@link rowSum}, where a sum is handed on to the next of four after 2^power rows, and that one after as many sums. */
function cascade(numbers: Float32Array, width: number): Float32Array {
  const rows = numbers.length / width;
  const power = Math.max(4, Math.floor(Math.ceil(Math.log2(rows || 1)) / 4));
  const step = 2 ** power;
  const sums = Array.from({ length: 4 }, () => new Float32Array(width));
  const handOn = (from: number, to: number) => {
    for (let i = 0; i < width; i++) sums[to]![i]! += sums[from]![i]!;
  };
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) sums[0]![i]! += numbers[row * width + i]!;
    for (let level = 1, every = step; level < 4 && (row + 1) % every === 0; level++, every *= step) {
      handOn(level - 1, level);
      sums[level - 1]!.fill(0);
    }
  }
  for (const level of [1, 2, 3]) handOn(level, 0);
  return sums[0]!;
}
