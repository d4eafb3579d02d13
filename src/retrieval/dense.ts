import * as tf from "@tensorflow/tfjs";
import { compile, type Program } from "../engine";
import { float32Tensor } from "../tensors";
import { Best, type SearchResult } from "./best";
import type { SearchOptions } from "./score-matrix";

/** Texts as vectors: rows of length 1, [texts, width], one after the other. */
export type Embed = (texts: readonly string[]) => Promise<Float32Array>;

type Scan = Program<
  {
    vectors: { dtype: "float32"; shape: [number, number] };
    query: { dtype: "float32"; shape: [number, number] };
  },
  { scores: tf.Tensor }
>;

/**
 * Retrieval by meaning: the texts whose vectors are nearest to that of the query. A score is the cosine, −1 to 1. Every vector is
 * looked at, so that the result is exact: one matrix product scores all in float32, and those that may be among the best are
 * scored again in double precision.
 */
export class DenseIndex {
  private constructor(
    private readonly embed: Embed,
    private readonly vectors: Float32Array,
    readonly size: number,
    private readonly scan: Scan | undefined,
  ) {}

  /**
   * Indexes `texts` by what `embed` makes of them; results refer to them by their place in this list.
   *
   * @throws {Error} if `embed` gives no rows of one width, or rows that are not of length 1
   */
  static async build(texts: readonly string[], embed: Embed): Promise<DenseIndex> {
    const vectors = texts.length === 0 ? new Float32Array() : await embed(texts);
    if (texts.length === 0) return new DenseIndex(embed, vectors, 0, undefined);
    const width = vectors.length / texts.length;
    if (!Number.isInteger(width) || width === 0)
      throw new Error(`${texts.length} texts have ${vectors.length} numbers, which are no rows of one width`);
    texts.forEach((_, row) =>
      requireUnit(vectors.subarray(row * width, (row + 1) * width), `text ${row + 1}`),
    );
    const scan = await compile(
      ({ vectors, query }) => ({
        scores: tf.matMul(query as tf.Tensor2D, vectors as tf.Tensor2D, false, true) as tf.Tensor,
      }),
      {
        vectors: { dtype: "float32", shape: [texts.length, width] },
        query: { dtype: "float32", shape: [1, width] },
      } as const,
    );
    return new DenseIndex(embed, vectors, texts.length, scan as unknown as Scan);
  }

  /** The `k` texts nearest to `query`, best first, equal scores in index order. Always `k` where so many are not excluded. */
  async search(query: string, k = 10, options?: SearchOptions): Promise<SearchResult[]> {
    return this.searchVector(this.size === 0 ? new Float32Array() : await this.embed([query]), k, options);
  }

  /** The same for a query that is a vector already. */
  async searchVector(
    query: Float32Array,
    k = 10,
    { exclude = [] }: SearchOptions = {},
  ): Promise<SearchResult[]> {
    if (!Number.isInteger(k) || k < 0) throw new RangeError(`k must be a whole number from 0, not ${k}`);
    if (!this.scan) return [];
    const { vectors, size } = this;
    const width = vectors.length / size;
    if (query.length !== width)
      throw new RangeError(`the query has ${query.length} numbers, the texts ${width}`);
    requireUnit(query, "the query");
    const { scores } = await this.scan.run({
      vectors: float32Tensor([size, width], vectors),
      query: float32Tensor([1, width], query),
    });
    const excluded = new Set(exclude);
    // What float32 can be off by where the sizes of the products add up to 1 at most.
    const slack = width * 2 ** -23;
    const exact = (row: number) => dot(vectors, row * width, query);
    return exactBest(scores.data as Float32Array, slack, k, excluded, exact);
  }

  /** Frees what the engine holds. */
  async dispose(): Promise<void> {
    await this.scan?.dispose();
  }
}

/** The k rows of greatest exact score: of those whose rounded score lets them be among these. */
function exactBest(
  rounded: Float32Array,
  slack: number,
  k: number,
  excluded: ReadonlySet<number>,
  exact: (row: number) => number,
): SearchResult[] {
  const near = new Best(k);
  let least = near.threshold;
  for (let row = 0; row < rounded.length; row++) {
    const score = rounded[row]!;
    if (score < least || excluded.has(row)) continue;
    near.offer(row, score);
    least = near.threshold;
  }
  const best = new Best(k);
  for (let row = 0; row < rounded.length; row++)
    if (rounded[row]! >= least - 2 * slack && !excluded.has(row)) best.offer(row, exact(row));
  return best.sorted();
}

function dot(vectors: Float32Array, start: number, query: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += vectors[start + i]! * query[i]!;
  return sum;
}

function requireUnit(vector: Float32Array, what: string): void {
  const length = Math.sqrt(dot(vector, 0, vector));
  if (!(Math.abs(length - 1) < 1e-3)) throw new Error(`the vector of ${what} has length ${length}, not 1`);
}
