import type { HostTensor } from "../../tensors";

/** Positions that a cache grows by when it is full. */
const GROWTH = 32;

/**
 * The keys and values of the positions that a decoder has been through, for every block: arrays
 * [rows, heads, capacity, width] of which the first `length` positions are filled. A step writes one position, so
 * nothing is copied but that, and every 32 steps the whole.
 */
export class KeyValueCache {
  length = 0;
  capacity: number;
  private arrays: Float32Array[];

  constructor(
    count: number,
    private rows: number,
    private readonly heads: number,
    private readonly width: number,
    private readonly maxLength: number,
  ) {
    this.capacity = Math.min(GROWTH, maxLength);
    this.arrays = Array.from({ length: count }, () => new Float32Array(rows * heads * this.capacity * width));
  }

  /** The array of keys or values number `index` as a program takes it. */
  tensor(index: number): HostTensor<"float32"> {
    const shape = [this.rows, this.heads, this.capacity, this.width];
    const size = this.rows * this.heads * this.capacity * this.width;
    return { dtype: "float32", shape, data: this.arrays[index]!.subarray(0, size) };
  }

  /** Puts one position, [rows, heads, 1, width] for each array, behind the others. */
  append(position: readonly Float32Array[]): void {
    if (this.length === this.maxLength)
      throw new RangeError(`the cache holds ${this.maxLength} positions only`);
    if (this.length === this.capacity) this.grow();
    const { rows, heads, width, capacity, length } = this;
    this.arrays.forEach((array, index) => {
      const from = position[index]!;
      for (let i = 0; i < rows * heads; i++) {
        const source = from.subarray(i * width, (i + 1) * width);
        array.set(source, (i * capacity + length) * width);
      }
    });
    this.length++;
  }

  /** Row i becomes what row `rows[i]` was. */
  select(rows: readonly number[]): void {
    const size = this.heads * this.capacity * this.width;
    for (const array of this.arrays) selectRows(array, size, rows);
    this.rows = rows.length;
  }

  private grow(): void {
    const capacity = Math.min(this.capacity + GROWTH, this.maxLength);
    const [before, after] = [this.capacity * this.width, capacity * this.width];
    this.arrays = this.arrays.map((array) => {
      const larger = new Float32Array(this.rows * this.heads * after);
      for (let i = 0; i < this.rows * this.heads; i++) {
        larger.set(array.subarray(i * before, (i + 1) * before), i * after);
      }
      return larger;
    });
    this.capacity = capacity;
  }
}

/** In place, makes row i of `data` (rows of `size` elements) what row `rows[i]` was. */
export function selectRows(data: Float32Array | Int32Array, size: number, rows: readonly number[]): void {
  const moved = rows.map((from, to) => ({ from, to })).filter(({ from, to }) => from !== to);
  const taken = moved.map(({ from }) => data.slice(from * size, (from + 1) * size));
  moved.forEach(({ to }, i) => data.set(taken[i]!, to * size));
}
