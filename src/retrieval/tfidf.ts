import { z } from "zod";
import { Analyzer, type AnalyzerKind } from "./analyzer";
import type { SearchResult } from "./best";
import { loadIndex, saveIndex } from "./index-file";
import { QueryCounter } from "./query-counter";
import type { Weighting } from "./score-block";
import { ScoreMatrix, type SearchOptions } from "./score-matrix";
import { countTerms, type TermCounts } from "./term-counts";

export interface TfidfOptions {
  /**
   * See {@link AnalyzerOptions}.
   * @default "char"
   */
  analyzer?: AnalyzerKind;
  /** @default [3, 5] for characters, [1, 1] for words */
  ngramRange?: readonly [min: number, max: number];
  /** @default true */
  lowercase?: boolean;
  /**
   * Count one more document with every term.
   * @default true
   */
  smoothIdf?: boolean;
  /** 1 + ln tf in place of tf. */
  sublinearTf?: boolean;
  /**
   * Scale every vector to Euclidean length 1 (so that scores are cosines) or leave it.
   * @default "l2"
   */
  norm?: "l2" | "none";
}

/** A text's terms, by their numbers in an index, and their weights. */
export interface TfidfVector {
  readonly terms: Int32Array;
  readonly weights: Float64Array;
}

const optionsSchema = z.object({
  analyzer: z.enum(["char", "char_wb", "word"]),
  ngramRange: z.tuple([z.number().int(), z.number().int()]).readonly(),
  lowercase: z.boolean(),
  smoothIdf: z.boolean(),
  sublinearTf: z.boolean(),
  norm: z.enum(["l2", "none"]),
});
type AllOptions = z.infer<typeof optionsSchema>;

/**
 * TF-IDF retrieval, equal to scikit-learn's `TfidfVectorizer` and the dot product of its vectors: a document's weight
 * for a term is tf · idf, tf the times it occurs, idf = ln((1 + N) / (1 + df)) + 1 (without `smoothIdf`
 * ln(N / df) + 1), over the vector's Euclidean length. A score is Σ query weight · document weight: the cosine, 0–1.
 */
export class TfidfIndex {
  private readonly counter: QueryCounter;

  private constructor(
    readonly options: AllOptions,
    private readonly analyzer: Analyzer,
    private readonly scores: ScoreMatrix,
    private readonly vectors: TfidfVectors,
  ) {
    this.counter = new QueryCounter(analyzer);
  }

  /** Indexes `texts`; results refer to them by their place in this list. */
  static build(texts: readonly string[], options: TfidfOptions = {}): TfidfIndex {
    const all = withDefaults(options);
    const analyzer = Analyzer.create(all);
    const counts = countTerms(texts, analyzer);
    const idf = inverseDocumentFrequency(counts.documentFrequency, texts.length, all);
    const weight = (term: number, count: number) => termFrequency(count, all) * idf[term]!;
    const norms = all.norm === "l2" ? euclideanNorms(counts, weight) : new Float64Array(texts.length).fill(1);
    const vectors = { idf, norms };
    const scores = ScoreMatrix.build(counts, analyzer.shorterTerms(), tfidfWeighting(all, vectors));
    return new TfidfIndex(all, analyzer, scores, vectors);
  }

  /**
   * The `k` documents nearest to `query`, best first, equal scores in index order. Always `k` of them where so many are
   * not excluded: documents that share nothing with the query have score 0.
   */
  search(query: string, k = 10, options?: SearchOptions): SearchResult[] {
    return this.scores.top(this.vector(query), k, options);
  }

  /**
   * The vector of a text: the weights of its terms, of those that the index knows, each term by a number of this index. The dot product
   * of two is their cosine where `norm` is `"l2"`.
   */
  vector(text: string): TfidfVector {
    const { terms, counts } = this.counter.count(text);
    const weights = new Float64Array(terms.length);
    let squares = 0;
    for (let i = 0; i < terms.length; i++) {
      const weight = termFrequency(counts[i]!, this.options) * this.vectors.idf[terms[i]!]!;
      weights[i] = weight;
      squares += weight * weight;
    }
    if (this.options.norm === "l2") {
      const norm = Math.sqrt(squares);
      for (let i = 0; i < weights.length; i++) weights[i]! /= norm;
    }
    return { terms, weights };
  }

  /** How many documents the index holds. */
  get size(): number {
    return this.scores.documentCount;
  }

  /** How many different terms its documents have. */
  get vocabularySize(): number {
    return this.vectors.idf.reduce((terms, idf) => terms + (idf > 0 ? 1 : 0), 0);
  }

  /** Size of the index's arrays in memory, in bytes. */
  get byteLength(): number {
    return this.analyzer.byteLength + this.scores.byteLength;
  }

  /** Writes the index to one file, whole or not at all. */
  save(path: string): void {
    saveIndex(path, "tfidf", {
      options: this.options,
      analyzer: this.analyzer,
      scores: this.scores,
      vectors: { ...this.vectors },
    });
  }

  /** Reads what {@link TfidfIndex.save} wrote; a damaged or foreign file is an error that names it. */
  static load(path: string): TfidfIndex {
    const { options, analyzer, scores, vectors } = loadIndex(path, "tfidf", {
      optionsSchema,
      analyzerOptions: (options) => options,
      vectorNames: ["idf", "norms"],
      weighting: tfidfWeighting,
    });
    return new TfidfIndex(options, analyzer, scores, vectors);
  }
}

/** idf by term; by document what its weights are divided by. */
interface TfidfVectors {
  idf: Float64Array;
  norms: Float64Array;
}

function tfidfWeighting(options: AllOptions, { idf, norms }: TfidfVectors): Weighting {
  return {
    score: (term, count, document) => (termFrequency(count, options) * idf[term]!) / norms[document]!,
    termFactors: idf,
    balance: new Float64Array(idf.length).fill(1), // both sides are tf · idf
    documentFactor: (document) => (norms[document] === 0 ? 0 : 1 / norms[document]!),
    gain: (count) => termFrequency(count, options),
  };
}

/** idf by term; 0 for n-grams that are only parts of terms. */
function inverseDocumentFrequency(
  documentFrequency: Int32Array,
  documentCount: number,
  { smoothIdf }: AllOptions,
): Float64Array {
  const added = smoothIdf ? 1 : 0;
  return Float64Array.from(documentFrequency, (df) =>
    df === 0 ? 0 : Math.log((documentCount + added) / (df + added)) + 1,
  );
}

function euclideanNorms(
  { blocks, lengths }: TermCounts,
  weight: (term: number, count: number) => number,
): Float64Array {
  const squares = new Float64Array(lengths.length);
  for (const { first, starts, documents, counts } of blocks) {
    for (let term = 0; term + 1 < starts.length; term++) {
      for (let i = starts[term]!; i < starts[term + 1]!; i++) {
        squares[first + documents[i]!]! += weight(term, counts[i]!) ** 2;
      }
    }
  }
  return squares.map(Math.sqrt);
}

function termFrequency(count: number, { sublinearTf }: AllOptions): number {
  return sublinearTf ? 1 + Math.log(count) : count;
}

function withDefaults(options: TfidfOptions): AllOptions {
  const analyzer = options.analyzer ?? "char";
  return {
    analyzer,
    ngramRange: options.ngramRange ?? (analyzer === "word" ? [1, 1] : [3, 5]),
    lowercase: options.lowercase ?? true,
    smoothIdf: options.smoothIdf ?? true,
    sublinearTf: options.sublinearTf ?? false,
    norm: options.norm ?? "l2",
  };
}
