import { Best, type SearchResult } from "./best";
import type { BlockCounts, TermCounts } from "./term-counts";

export interface SearchOptions {
  /** Documents that the result must not hold, by index: the conversation that is the reference, say. */
  exclude?: Iterable<number>;
}

/** A query: term numbers, each once, and their weights. */
export interface WeightedTerms {
  terms: Int32Array;
  weights: Float64Array;
}

/** Terms in more than this share of the documents are kept by document, not by term. */
const COMMON_SHARE = 1 / 3;

/**
 * The score that each term gives each document, computed beforehand, and the exact best documents of a query: those of
 * greatest Σ weight · score over the query's terms.
 *
 * A long query reaches nearly all documents through its common terms, which tell documents apart least. So rare terms
 * are stored by term (a query touches only their few documents) and common terms by document. After the rare terms, a
 * document's score is known up to its common part, which the Cauchy–Schwarz inequality bounds by ‖query's common
 * weights‖ · ‖document's common scores‖; the common part itself is computed only for documents that the bound leaves a
 * chance. The result is that of scoring every document.
 */
export class ScoreMatrix {
  /** Rank of each common term among them, −1 for a rare one. */
  private readonly ranks: Int32Array;
  private readonly commonWeights: Float64Array;
  private readonly sums: Float64Array;

  constructor(
    readonly documentCount: number,
    termBound: number,
    readonly commonTerms: Int32Array,
    readonly blocks: readonly ScoreBlock[],
  ) {
    this.ranks = new Int32Array(termBound).fill(-1);
    commonTerms.forEach((term, rank) => (this.ranks[term] = rank));
    this.commonWeights = new Float64Array(commonTerms.length);
    this.sums = new Float64Array(Math.max(0, ...blocks.map((block) => block.size)));
  }

  /** The matrix of `score(term, count, document)` for every count; empties `counts.blocks` as it goes, for memory. */
  static build(
    counts: TermCounts,
    score: (term: number, count: number, document: number) => number,
  ): ScoreMatrix {
    const documentCount = counts.lengths.length;
    const termBound = counts.documentFrequency.length;
    const isCommon = (_: number, term: number) =>
      counts.documentFrequency[term]! > documentCount * COMMON_SHARE;
    const commonTerms = Int32Array.from(counts.documentFrequency.keys()).filter(isCommon);
    const blocks: ScoreBlock[] = [];
    for (let block = counts.blocks.shift(); block !== undefined; block = counts.blocks.shift()) {
      blocks.push(scoreBlock(block, termBound, commonTerms, score));
    }
    return new ScoreMatrix(documentCount, termBound, commonTerms, blocks);
  }

  /** Size of the scores' arrays in bytes. */
  get byteLength(): number {
    const arrays = this.blocks.flatMap((block) =>
      Object.values(block).filter((part) => ArrayBuffer.isView(part)),
    );
    return arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  /**
   * The `k` documents of greatest score, best first, equal scores in index order; all documents that are not excluded
   * where there are fewer. Documents that share no term with the query have score 0.
   */
  top(query: WeightedTerms, k: number, { exclude = [] }: SearchOptions = {}): SearchResult[] {
    if (!Number.isInteger(k) || k < 0) throw new RangeError(`k must be a whole number from 0, not ${k}`);
    const excluded = new Set(exclude);
    const rare = { terms: new Int32Array(query.terms.length), weights: new Float64Array(query.terms.length) };
    let rareCount = 0;
    let squares = 0;
    this.commonWeights.fill(0);
    for (let q = 0; q < query.terms.length; q++) {
      const term = query.terms[q]!;
      const weight = query.weights[q]!;
      const rank = this.ranks[term]!;
      if (rank < 0) {
        rare.terms[rareCount] = term;
        rare.weights[rareCount++] = weight;
      } else {
        this.commonWeights[rank] = weight;
        squares += weight * weight;
      }
    }
    // The slack covers the bound's own rounding, so that no document is lost to it.
    const reach = Math.sqrt(squares) * (1 + 1e-9);

    const best = new Best(k);
    for (const block of this.blocks) {
      this.addRare(block, rare, rareCount);
      for (const index of excluded) {
        const place = index - block.first;
        if (place >= 0 && place < block.size) this.sums[place] = Number.NEGATIVE_INFINITY;
      }
      this.offerBlock(block, reach, best);
    }
    return best.sorted();
  }

  /** Sets `sums` to what the first `count` of these terms give the block's documents. */
  private addRare(block: ScoreBlock, { terms, weights }: WeightedTerms, count: number): void {
    const { rareStarts, rareDocuments, rareScores } = block;
    const sums = this.sums.fill(0);
    for (let q = 0; q < count; q++) {
      const term = terms[q]!;
      const weight = weights[q]!;
      const end = rareStarts[term + 1]!;
      for (let i = rareStarts[term]!; i < end; i++) sums[rareDocuments[i]!]! += weight * rareScores[i]!;
    }
  }

  private offerBlock(block: ScoreBlock, reach: number, best: Best): void {
    const { first, size, commonNorms } = block;
    const { sums } = this;
    if (best.threshold === Number.NEGATIVE_INFINITY) {
      // Likely documents first: they set a threshold that spares the others.
      const promising = new Best(best.room);
      for (let d = 0; d < size; d++) {
        if (sums[d]! !== Number.NEGATIVE_INFINITY) promising.offer(d, sums[d]! + reach * commonNorms[d]!);
      }
      for (const { index } of promising.sorted()) {
        best.offer(first + index, sums[index]! + this.commonPart(block, index));
        sums[index] = Number.NEGATIVE_INFINITY;
      }
    }
    let { threshold } = best;
    for (let d = 0; d < size; d++) {
      const bound = sums[d]! + reach * commonNorms[d]!;
      if (bound >= threshold && bound !== Number.NEGATIVE_INFINITY) {
        best.offer(first + d, sums[d]! + this.commonPart(block, d));
        threshold = best.threshold;
      }
    }
  }

  private commonPart(block: ScoreBlock, document: number): number {
    const { commonStarts, commonRanks, commonScores } = block;
    const weights = this.commonWeights;
    const end = commonStarts[document + 1]!;
    let sum = 0;
    for (let i = commonStarts[document]!; i < end; i++) sum += weights[commonRanks[i]!]! * commonScores[i]!;
    return sum;
  }
}

/** The scores of consecutive documents; `documents` are places in the block. */
export interface ScoreBlock {
  /** Index of the block's first document. */
  first: number;
  size: number;
  /** Rare terms by term: entries of term t are `rareStarts[t]`…`rareStarts[t + 1]`. */
  rareStarts: Int32Array;
  rareDocuments: Uint16Array;
  rareScores: Float64Array;
  /** Common terms by document: entries of document d are `commonStarts[d]`…`commonStarts[d + 1]`, ranks ascending. */
  commonStarts: Int32Array;
  commonRanks: Int32Array;
  commonScores: Float64Array;
  /** Euclidean norm of each document's common scores. */
  commonNorms: Float64Array;
}

function scoreBlock(
  { first, size, starts, documents, counts }: BlockCounts,
  termBound: number,
  commonTerms: Int32Array,
  score: (term: number, count: number, document: number) => number,
): ScoreBlock {
  const commonStarts = new Int32Array(size + 1);
  for (const term of commonTerms) {
    for (let i = starts[term] ?? 0; i < (starts[term + 1] ?? 0); i++) commonStarts[documents[i]! + 1]!++;
  }
  for (let d = 0; d < size; d++) commonStarts[d + 1]! += commonStarts[d]!;
  const commonSize = commonStarts[size]!;
  const rareSize = documents.length - commonSize;

  const block: ScoreBlock = {
    first,
    size,
    rareStarts: new Int32Array(termBound + 1),
    rareDocuments: new Uint16Array(rareSize),
    rareScores: new Float64Array(rareSize),
    commonStarts,
    commonRanks: new Int32Array(commonSize),
    commonScores: new Float64Array(commonSize),
    commonNorms: new Float64Array(size),
  };
  const next = commonStarts.slice();
  let rare = 0;
  let rank = 0;
  for (let term = 0; term < termBound; term++) {
    const end = starts[term + 1] ?? 0;
    if (term === commonTerms[rank]) {
      for (let i = starts[term] ?? 0; i < end; i++) {
        const document = documents[i]!;
        const value = score(term, counts[i]!, first + document);
        const slot = next[document]!++;
        block.commonRanks[slot] = rank;
        block.commonScores[slot] = value;
        block.commonNorms[document]! += value * value;
      }
      rank++;
    } else {
      for (let i = starts[term] ?? 0; i < end; i++) {
        block.rareDocuments[rare] = documents[i]!;
        block.rareScores[rare++] = score(term, counts[i]!, first + documents[i]!);
      }
    }
    block.rareStarts[term + 1] = rare;
  }
  for (let d = 0; d < size; d++) block.commonNorms[d] = Math.sqrt(block.commonNorms[d]!);
  return block;
}
