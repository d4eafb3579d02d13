/**
 * Length of the longest common subsequence of two symbol sequences, bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length
 * computation revisited"): with M the positions of a symbol in `a` as bits and V all ones, each symbol of `b` does
 * U = V & M, V = (V + U) | (V − U); the zeros left in V count the subsequence. 32 positions are one machine word, so
 * the cost is |a|·|b| / 32 word steps.
 */
export function lcsLength(a: Int32Array, b: Int32Array): number {
  const words = Math.ceil(a.length / 32);
  const rows = new Map<number, Int32Array>();
  for (let i = 0; i < a.length; i++) {
    let row = rows.get(a[i]!);
    if (row === undefined) rows.set(a[i]!, (row = new Int32Array(words)));
    row[i >>> 5]! |= 1 << (i & 31);
  }

  const v = new Int32Array(words).fill(-1);
  for (let j = 0; j < b.length; j++) {
    const row = rows.get(b[j]!);
    if (row === undefined) continue;
    let carry = 0;
    for (let w = 0; w < words; w++) {
      const bits = v[w]!;
      const u = bits & row[w]!;
      const sum = (bits >>> 0) + (u >>> 0) + carry;
      carry = sum > 0xffffffff ? 1 : 0;
      v[w] = sum | 0 | (bits & ~u);
    }
  }

  let zeros = 0;
  for (let w = 0; w < words; w++) zeros += bitCount(~v[w]!);
  return zeros;
}

function bitCount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
