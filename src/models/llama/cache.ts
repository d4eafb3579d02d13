import { float32Tensor, type HostTensor } from "../../tensors";

/** Positions that a cache grows by when it is full. */
const GROWTH = 64;

/**
 * Keys and values of the tokens that each row has been through, for every block: arrays [places, rows, heads, width] with room for
 * more behind what is filled. Rows end together, so that what a step adds lies in one piece, and begin where they may.
 */
export class RowCache {
  /** Filled places. */
  private end = 0;
  /** The place of each row's first position. */
  private starts: number[];
  private arrays: Float32Array[];

  /** @param count arrays: keys and values of every block */
  constructor(
    readonly count: number,
    rows: number,
    private readonly heads: number,
    private readonly width: number,
  ) {
    this.starts = Array.from({ length: rows }, () => 0);
    this.arrays = Array.from({ length: count }, () => new Float32Array(0));
  }

  /** One cache of rows that are caches of one row each. */
  static joined(parts: readonly RowCache[]): RowCache {
    const [first] = parts as [RowCache];
    if (parts.length === 1) return first;
    const whole = new RowCache(first.count, parts.length, first.heads, first.width);
    whole.end = Math.max(...parts.map(({ end }) => end));
    whole.starts = parts.map(({ end }) => whole.end - end);
    whole.reserve(whole.end);
    parts.forEach((part, row) => part.copyRow(0, part.end, whole, row));
    return whole;
  }

  get rows(): number {
    return this.starts.length;
  }

  /** The places that any row has positions in. */
  get length(): number {
    return this.end - this.first;
  }

  /** Where each row begins among these places. */
  get offsets(): number[] {
    return this.starts.map((start) => start - this.first);
  }

  /** Array number `index` as a program takes it, [{@link length}, rows, heads, 1, width]. */
  tensor(index: number): HostTensor<"float32"> {
    const data = this.arrays[index]!.subarray(this.first * this.placeSize, this.end * this.placeSize);
    return float32Tensor([this.length, this.rows, this.heads, 1, this.width], data);
  }

  /** Makes room for `places` in all. */
  reserve(places: number): void {
    const { placeSize } = this;
    if (places * placeSize <= this.arrays[0]!.length) return;
    const capacity = Math.ceil(places / GROWTH) * GROWTH;
    this.arrays = this.arrays.map((array) => {
      const larger = new Float32Array(capacity * placeSize);
      larger.set(array.subarray(0, this.end * placeSize));
      return larger;
    });
  }

  /** Puts new positions behind the others: those of every array, [arrays · positions, rows, heads · width]. */
  append(grown: Float32Array): void {
    const size = grown.length / this.count;
    const added = size / this.placeSize;
    this.reserve(this.end + added);
    this.arrays.forEach((array, index) => {
      array.set(grown.subarray(index * size, (index + 1) * size), this.end * this.placeSize);
    });
    this.end += added;
  }

  /** Row i becomes what row `rows[i]` was; there are no more of them than before. */
  select(rows: readonly number[]): void {
    const { rowSize, placeSize, end } = this;
    if (rows.length === this.rows && rows.every((row, i) => row === i)) return;
    const place = new Float32Array(placeSize);
    for (const array of this.arrays) {
      for (let i = this.first; i < end; i++) {
        place.set(array.subarray(i * placeSize, (i + 1) * placeSize));
        rows.forEach((row, to) => {
          array.set(place.subarray(row * rowSize, (row + 1) * rowSize), (i * rows.length + to) * rowSize);
        });
      }
    }
    this.starts = rows.map((row) => this.starts[row]!);
  }

  /** A cache of one row alone: the first `length` positions of a row. */
  copyOf(row: number, length = this.end - this.starts[row]!): RowCache {
    const copy = new RowCache(this.count, 1, this.heads, this.width);
    copy.reserve(length);
    copy.end = length;
    this.copyRow(row, length, copy, 0);
    return copy;
  }

  /** Copies a row's first `length` positions to where a row of another cache begins. */
  private copyRow(row: number, length: number, other: RowCache, otherRow: number): void {
    const { rowSize, placeSize } = this;
    this.arrays.forEach((array, index) => {
      const target = other.arrays[index]!;
      for (let i = 0; i < length; i++) {
        const from = (this.starts[row]! + i) * placeSize + row * rowSize;
        const to = (other.starts[otherRow]! + i) * other.placeSize + otherRow * rowSize;
        target.set(array.subarray(from, from + rowSize), to);
      }
    });
  }

  private get first(): number {
    return Math.min(...this.starts);
  }

  private get rowSize(): number {
    return this.heads * this.width;
  }

  private get placeSize(): number {
    return this.rows * this.rowSize;
  }
}
