import { z } from "zod";
import { Analyzer, type AnalyzerOptions } from "./analyzer";
import type { SearchResult } from "./best";
import { loadIndex, saveIndex } from "./index-file";
import { QueryCounter } from "./query-counter";
import type { Weighting } from "./score-block";
import { ScoreMatrix, type SearchOptions } from "./score-matrix";
import { countTerms } from "./term-counts";

export interface Bm25Options {
  /** @default "lucene" */
  variant?: "lucene" | "okapi";
  /**
   * How slowly repeats of a term stop counting.
   * @default 1.5
   */
  k1?: number;
  /**
   * How much long documents are held back, 0–1.
   * @default 0.75
   */
  b?: number;
  /**
   * Okapi only: share of the mean idf that a term of more than half of the documents gets.
   * @default 0.25
   */
  epsilon?: number;
}

const optionsSchema = z.object({
  variant: z.enum(["lucene", "okapi"]).default("lucene"),
  k1: z.number().nonnegative().default(1.5),
  b: z.number().min(0).max(1).default(0.75),
  epsilon: z.number().default(0.25),
});

/** Documents in a block. A query has few words, with long lists: their pieces cost less than sums that the nearest cache cannot hold. */
const BLOCK = 8192;

const WORDS: AnalyzerOptions = { analyzer: "word", ngramRange: [1, 1], lowercase: true };

/**
 * BM25 retrieval (Robertson et al. 1994; Kamphuis et al. 2020 compare its variants) over lower-cased words of two or
 * more characters. A score is the sum over the query's words, repeats counted, of
 *
 * - lucene: ln(1 + (N − df + ½) / (df + ½)) · tf / (tf + k1 · (1 − b + b · length / mean length));
 * - okapi: ln((N − df + ½) / (df + ½)) · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / mean length)), where a
 *   negative logarithm is replaced by `epsilon` · the mean of all words' logarithms, as in rank_bm25's BM25Okapi.
 */
export class Bm25Index {
  private readonly counter: QueryCounter;

  private constructor(
    readonly options: Required<Bm25Options>,
    private readonly analyzer: Analyzer,
    private readonly scores: ScoreMatrix,
    private readonly vectors: Bm25Vectors,
  ) {
    this.counter = new QueryCounter(analyzer);
  }

  /** Indexes `texts`; results refer to them by their place in this list. */
  static build(texts: readonly string[], options: Bm25Options = {}): Bm25Index {
    const all = optionsSchema.parse(options);
    const { variant, k1, b } = all;
    const analyzer = Analyzer.create(WORDS);
    const counts = countTerms(texts, analyzer, BLOCK);
    const idf =
      variant === "lucene"
        ? luceneIdf(counts.documentFrequency, texts.length)
        : okapiIdf(counts.documentFrequency, texts.length, all.epsilon);
    const meanLength = counts.lengths.reduce((sum, length) => sum + length, 0) / texts.length;
    const saturation = Float64Array.from(
      counts.lengths,
      (length) => k1 * (1 - b + (b * length) / meanLength),
    );
    const vectors = { idf, saturation };
    const scores = ScoreMatrix.build(counts, analyzer.shorterTerms(), bm25Weighting(all, vectors));
    return new Bm25Index(all, analyzer, scores, vectors);
  }

  /**
   * The `k` best documents for `query`, best first, equal scores in index order. Always `k` of them where so many are
   * not excluded: documents that share nothing with the query have score 0.
   */
  search(query: string, k = 10, options?: SearchOptions): SearchResult[] {
    const { terms, counts } = this.counter.count(query);
    return this.scores.top({ terms, weights: new Float64Array(counts) }, k, options);
  }

  /** How many documents the index holds. */
  get size(): number {
    return this.scores.documentCount;
  }

  /** Size of the index's arrays in memory, in bytes. */
  get byteLength(): number {
    return this.analyzer.byteLength + this.scores.byteLength;
  }

  /** Writes the index to one file, whole or not at all. */
  save(path: string): void {
    saveIndex(path, "bm25", {
      options: this.options,
      analyzer: this.analyzer,
      scores: this.scores,
      vectors: { ...this.vectors },
    });
  }

  /** Reads what {@link Bm25Index.save} wrote; a damaged or foreign file is an error that names it. */
  static load(path: string): Bm25Index {
    const { options, analyzer, scores, vectors } = loadIndex(path, "bm25", {
      optionsSchema,
      analyzerOptions: () => WORDS,
      vectorNames: ["idf", "saturation"],
      weighting: bm25Weighting,
    });
    return new Bm25Index(options, analyzer, scores, vectors);
  }
}

/** idf by term; k1 · (1 − b + b · length / mean length) by document. */
interface Bm25Vectors {
  idf: Float64Array;
  saturation: Float64Array;
}

function bm25Weighting({ variant, k1 }: Required<Bm25Options>, { idf, saturation }: Bm25Vectors): Weighting {
  const factor = variant === "lucene" ? 1 : k1 + 1;
  return {
    score: (term, count, document) => (idf[term]! * factor * count) / (count + saturation[document]!),
    termFactors: idf.map((value) => value * factor),
    balance: idf.map((value) => Math.sqrt(Math.abs(value)) || 1), // a query's weight has no idf, a document's score has all of it
    // Where all documents are empty, so is their mean length, and 0 / 0 is no number.
    documentFactor: (document) => (Number.isNaN(saturation[document]) ? 0 : 1 / (1 + saturation[document]!)),
    gain: (count, document) => (count * (1 + saturation[document]!)) / (count + saturation[document]!),
  };
}

function luceneIdf(documentFrequency: Int32Array, documentCount: number): Float64Array {
  return Float64Array.from(documentFrequency, (df) => Math.log(1 + (documentCount - df + 0.5) / (df + 0.5)));
}

function okapiIdf(documentFrequency: Int32Array, documentCount: number, epsilon: number): Float64Array {
  const idf = Float64Array.from(documentFrequency, (df) => Math.log((documentCount - df + 0.5) / (df + 0.5)));
  const used = idf.filter((_, term) => documentFrequency[term]! > 0);
  const floor = (epsilon * used.reduce((sum, value) => sum + value, 0)) / used.length;
  return idf.map((value) => (value < 0 ? floor : value));
}
