import { float32Tensor, type HostTensor } from "../../tensors";
import { selectRows } from "../layers";

/** Positions that a cache grows by when it is full. */
const GROWTH = 64;

/**
 * Keys and values of the tokens that each row has been through, for every block: arrays [rows, heads, capacity, width] of which
 * the first `lengths[row]` positions of a row are filled. Programs write new positions in place.
 */
export class RowCache {
  capacity = 0;
  /** Filled positions of each row. */
  lengths: number[];
  private arrays: Float32Array[];
  /** What {@link tensor} gave for all rows, while arrays and rows stay the same. */
  private readonly whole = new Map<number, HostTensor<"float32">>();

  /** @param count arrays: keys and values of every block */
  constructor(
    private readonly count: number,
    rows: number,
    private readonly heads: number,
    private readonly width: number,
  ) {
    this.lengths = Array.from({ length: rows }, () => 0);
    this.arrays = Array.from({ length: count }, () => new Float32Array(0));
  }

  get rows(): number {
    return this.lengths.length;
  }

  /** The length of the longest row. */
  get longest(): number {
    return Math.max(0, ...this.lengths);
  }

  /** Makes room for `positions` a row. */
  reserve(positions: number): void {
    if (positions <= this.capacity) return;
    this.whole.clear();
    const capacity = Math.ceil(positions / GROWTH) * GROWTH;
    const [before, after] = [this.capacity * this.width, capacity * this.width];
    this.arrays = this.arrays.map((array) => {
      const larger = new Float32Array(this.rows * this.heads * after);
      for (let i = 0; before > 0 && i < this.rows * this.heads; i++)
        larger.set(array.subarray(i * before, (i + 1) * before), i * after);
      return larger;
    });
    this.capacity = capacity;
  }

  /** Array number `index` as a program takes it: all rows, or one of them. */
  tensor(index: number, row?: number): HostTensor<"float32"> {
    const whole = row === undefined ? this.whole.get(index) : undefined;
    if (whole) return whole;
    const size = this.rowSize;
    const [from, count] = row === undefined ? [0, this.rows] : [row, 1];
    const tensor = float32Tensor(
      [count, this.heads, this.capacity, this.width],
      this.arrays[index]!.subarray(from * size, (from + count) * size),
    );
    if (row === undefined) this.whole.set(index, tensor);
    return tensor;
  }

  /** Row i becomes what row `rows[i]` was. */
  select(rows: readonly number[]): void {
    this.whole.clear();
    for (const array of this.arrays) selectRows(array, this.rowSize, rows);
    this.lengths = rows.map((row) => this.lengths[row]!);
  }

  /** Makes the first `length` positions of a row those of a row of another cache, or of this one. */
  copyPositions(row: number, other: RowCache, otherRow: number, length: number): void {
    this.reserve(length);
    const part = length * this.width;
    this.arrays.forEach((array, index) => {
      for (let head = 0; head < this.heads; head++) {
        const from = otherRow * other.rowSize + head * other.capacity * this.width;
        const to = row * this.rowSize + head * this.capacity * this.width;
        array.set(other.arrays[index]!.subarray(from, from + part), to);
      }
    });
    this.lengths[row] = length;
  }

  /** A cache of one row alone, with room for what it holds. */
  copyOf(row: number): RowCache {
    const copy = new RowCache(this.count, 1, this.heads, this.width);
    copy.copyPositions(0, this, row, this.lengths[row]!);
    return copy;
  }

  private get rowSize(): number {
    return this.heads * this.capacity * this.width;
  }
}
