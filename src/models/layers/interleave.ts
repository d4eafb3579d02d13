/**
 * The rows of q_proj or k_proj in the order of Hugging Face's rotary embedding, in place: each head's first components, then
 * its second ones. llama2.c and GGUF files of Llamas keep the two components of a rotation one after the other.
 *
 * @param data [heads · head_dim, width], row-major
 */
export function splitRotaryPairs(data: Float32Array | Uint8Array, heads: number, width: number): void {
  reorder(data, heads, width, (half, row) => 2 * (row % half) + Math.floor(row / half));
}

/** Undoes {@link splitRotaryPairs}. */
export function joinRotaryPairs(data: Float32Array | Uint8Array, heads: number, width: number): void {
  reorder(data, heads, width, (half, row) => (row % 2) * half + Math.floor(row / 2));
}

/** Puts row `from(half, i)` of each head in the place of its row i; `half` is half of head_dim. */
function reorder(
  data: Float32Array | Uint8Array,
  heads: number,
  width: number,
  from: (half: number, row: number) => number,
): void {
  const size = data.length / heads;
  const rows = size / width;
  if (!Number.isInteger(rows / 2))
    throw new RangeError(
      `${data.length} elements in rows of ${width} are not ${heads} heads of an even size`,
    );
  for (let head = 0; head < heads; head++) {
    const part = data.subarray(head * size, (head + 1) * size);
    const before = part.slice();
    for (let row = 0; row < rows; row++) {
      const source = from(rows / 2, row) * width;
      part.set(before.subarray(source, source + width), row * width);
    }
  }
}
