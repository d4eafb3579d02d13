import type { BlockCounts } from "./term-counts";

/**
 * What a term's count in a document scores. It comes apart into a factor of the term, one of the document and a gain, so that a
 * search can add one number to all documents of a term: but for rounding
 *
 *     score(term, count, document) = termFactors[term] · documentFactor(document) · gain(count, document),   gain(1, ·) = 1
 */
export interface Weighting {
  score(term: number, count: number, document: number): number;
  readonly termFactors: Float64Array;
  /**
   * By term, above 0: what queries' weights are multiplied by and documents' scores divided by, so that the two are alike. The closer
   * they are, the less the product of their Euclidean norms is above the sum of their products.
   */
  readonly balance: Float64Array;
  /** Finite: 0 for a document without terms. */
  documentFactor(document: number): number;
  gain(count: number, document: number): number;
}

/** The terms of consecutive documents; a document is named by its place in the block. */
export interface ScoreBlock {
  /** Index of the block's first document. */
  first: number;
  size: number;
  /** Each document's factor. */
  factors: Float32Array;
  /**
   * Rare terms by term, two starts for each, side by side in memory: the documents of term t, or by which they differ from those of its
   * base (see {@link differenceBases}), are `rareDocuments` from `rareStarts[2t]` to `rareStarts[2t + 2]`.
   */
  rareStarts: Int32Array;
  rareDocuments: Uint16Array;
  /**
   * Each document that holds term t more than once and, behind it, what the repeats add: their gain − 1. From `rareStarts[2t + 1]` to
   * `rareStarts[2t + 3]`.
   */
  repeats: Float32Array;
  /** Common terms by document, a bit each: ⌈common terms / 8⌉ bytes a document, the lowest ranks in the lowest bits. */
  commonBits: Uint8Array;
  /** Those that document d holds more than once, from `commonRepeatStarts[d]` to `commonRepeatStarts[d + 1]`, as above. */
  commonRepeatStarts: Int32Array;
  commonRepeatRanks: Int32Array;
  commonRepeatGains: Float32Array;
  /** Euclidean norm of each document's scores for common terms, each over the term's {@link Weighting.balance}. */
  commonNorms: Float32Array;
  /**
   * All terms of document d, ascending, from `documentStarts[d]` to `documentStarts[d + 1]`. One that occurs more than once is
   * written as ~term, and its count follows.
   */
  documentStarts: Int32Array;
  documentTerms: Int32Array;
}

/** Bytes of a document's `commonBits`. */
export const bytesForBits = (commonTerms: number): number => Math.ceil(commonTerms / 8);

/**
 * The block of these counts.
 *
 * @param ranks by term: its rank among the `common` common ones, −1 for a rare one
 * @param bases by term: see {@link differenceBases}
 */
export function scoreBlock(
  counts: BlockCounts,
  ranks: Int32Array,
  common: number,
  bases: Int32Array,
  weighting: Weighting,
): ScoreBlock {
  const { first, size } = counts;
  const bytes = bytesForBits(common);
  const rareStarts = new Int32Array(2 * (ranks.length + 1));
  const commonRepeatStarts = new Int32Array(size + 1);
  const documentStarts = new Int32Array(size + 1);
  let [rare, repeats] = [0, 0];
  for (let term = 0; term < ranks.length; term++) {
    const isRare = ranks[term]! < 0;
    for (let i = startOf(counts, term); i < startOf(counts, term + 1); i++) {
      const next = counts.documents[i]! + 1;
      const repeated = counts.counts[i]! > 1 ? 1 : 0;
      documentStarts[next]! += 1 + repeated;
      if (isRare) repeats += 2 * repeated;
      else commonRepeatStarts[next]! += repeated;
    }
    if (isRare)
      rare += Math.abs(documentsOf(counts, term).length - documentsOf(counts, Math.abs(bases[term]!)).length);
    rareStarts[2 * term + 2] = rare;
    rareStarts[2 * term + 3] = repeats;
  }
  for (let d = 0; d < size; d++) {
    documentStarts[d + 1]! += documentStarts[d]!;
    commonRepeatStarts[d + 1]! += commonRepeatStarts[d]!;
  }

  const block: ScoreBlock = {
    first,
    size,
    factors: Float32Array.from({ length: size }, (_, d) => weighting.documentFactor(first + d)),
    rareStarts,
    rareDocuments: new Uint16Array(rare),
    repeats: new Float32Array(repeats),
    commonBits: new Uint8Array(size * bytes),
    commonRepeatStarts,
    commonRepeatRanks: new Int32Array(commonRepeatStarts[size]!),
    commonRepeatGains: new Float32Array(commonRepeatStarts[size]!),
    commonNorms: new Float32Array(size),
    documentStarts,
    documentTerms: new Int32Array(documentStarts[size]!),
  };
  const squares = new Float64Array(size);
  const nextTerm = documentStarts.slice();
  const nextRepeat = commonRepeatStarts.slice();
  [rare, repeats] = [0, 0];
  for (let term = 0; term < ranks.length; term++) {
    const rank = ranks[term]!;
    if (rank < 0) {
      const base = bases[term]!;
      const [own, others] = [documentsOf(counts, term), documentsOf(counts, Math.abs(base))];
      rare =
        base < 0
          ? putWithout(others, own, block.rareDocuments, rare)
          : putWithout(own, others, block.rareDocuments, rare);
    }
    for (let i = startOf(counts, term); i < startOf(counts, term + 1); i++) {
      const d = counts.documents[i]!;
      const count = counts.counts[i]!;
      const gain = count > 1 ? weighting.gain(count, first + d) - 1 : 0;
      if (count === 1) block.documentTerms[nextTerm[d]!++] = term;
      else {
        block.documentTerms[nextTerm[d]!++] = ~term;
        block.documentTerms[nextTerm[d]!++] = count;
      }
      if (rank < 0) {
        if (count === 1) continue;
        block.repeats[repeats++] = d;
        block.repeats[repeats++] = gain;
      } else {
        block.commonBits[d * bytes + (rank >> 3)]! |= 1 << (rank & 7);
        squares[d]! += (weighting.score(term, count, first + d) / weighting.balance[term]!) ** 2;
        if (count === 1) continue;
        const slot = nextRepeat[d]!++;
        block.commonRepeatRanks[slot] = rank;
        block.commonRepeatGains[slot] = gain;
      }
    }
  }
  block.commonNorms.set(squares.map(Math.sqrt));
  return block;
}

/** Places of the documents that hold a term, ascending; none for 0. */
const documentsOf = (counts: BlockCounts, term: number): Uint16Array =>
  counts.documents.subarray(startOf(counts, term), startOf(counts, term + 1));

/** Puts those of `all` that are not in `some`, a part of it, into `list` from `at`; returns where they end. Both ascend. */
function putWithout(all: Uint16Array, some: Uint16Array, list: Uint16Array, at: number): number {
  let next = 0;
  for (const document of all) {
    if (document === some[next]) next++;
    else list[at++] = document;
  }
  return at;
}

/** Where a term's entries begin; terms beyond those of the block have none. */
const startOf = ({ starts, documents }: BlockCounts, term: number): number =>
  starts[term] ?? documents.length;
