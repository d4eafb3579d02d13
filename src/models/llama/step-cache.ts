import type { ProgramTensor } from "../../engine";
import { int32Tensor } from "../../tensors";
import { RowCache } from "./cache";

type Tensors = Readonly<Record<string, ProgramTensor>>;

/** What a decoder's rows have been through, wherever it lies. Rows end together and begin where they may. */
export interface StepCache {
  readonly rows: number;
  /** What a program is given to feed `tokens`: one to each row, or several to the only row. */
  inputs(tokens: readonly number[]): Promise<Tensors>;
  /** The results of the program that the cache grows by. */
  readonly grown: readonly string[];
  /** Takes these results, of `length` more positions. */
  grow(results: Tensors, length: number): void;
  /** Makes room for that many positions more. */
  reserve(length: number): void;
  /** Row i becomes what row `rows[i]` was. */
  select(rows: readonly number[]): void;
  /** A cache of one row alone: the first `length` positions of a row, all unless told. */
  copyOf(row: number, length?: number): StepCache;
  /** One cache of rows that are caches of one row each, of the same kind as this one. */
  joined(parts: readonly StepCache[]): StepCache;
  /** Itself, for one more holder. */
  held(): StepCache;
  /** Lets go of it; when all holders have, it is freed. */
  dispose(): void;
}

const integers = (data: readonly number[], shape: readonly number[] = [data.length]) =>
  int32Tensor(shape, Int32Array.from(data));

/** A cache in ordinary memory, for {@link step}. */
export class HostCache implements StepCache {
  readonly grown = ["grown"];

  constructor(private readonly cache: RowCache) {}

  get rows(): number {
    return this.cache.rows;
  }

  async inputs(tokens: readonly number[]): Promise<Tensors> {
    const { cache } = this;
    const { rows } = cache;
    const length = tokens.length / rows;
    const past = Array.from({ length: cache.count / 2 }, (_, index) => [
      [`past/${index}/key`, cache.tensor(2 * index)] as const,
      [`past/${index}/value`, cache.tensor(2 * index + 1)] as const,
    ]);
    return {
      ...Object.fromEntries(past.flat()),
      tokens: integers(tokens, [length, rows]),
      places: integers(Array.from({ length: cache.length + length }, (_, place) => place)),
      starts: integers(cache.offsets),
      asked: integers(Array.from({ length: rows }, (_, row) => tokens.length - rows + row)),
    };
  }

  grow({ grown }: Tensors): void {
    this.cache.append(grown!.data as Float32Array);
  }

  reserve(length: number): void {
    this.cache.reserve(this.cache.length + length);
  }

  select(rows: readonly number[]): void {
    this.cache.select(rows);
  }

  copyOf(row: number, length?: number): HostCache {
    return new HostCache(this.cache.copyOf(row, length));
  }

  joined(parts: readonly StepCache[]): HostCache {
    return new HostCache(RowCache.joined((parts as readonly HostCache[]).map(({ cache }) => cache)));
  }

  held(): this {
    return this;
  }

  dispose(): void {}
}
