import type { ShorterTerms } from "./analyzer";
import { Best, type SearchResult } from "./best";
import { differenceBases } from "./list-forest";
import { bytesForBits, type ScoreBlock, scoreBlock, type Weighting } from "./score-block";
import type { TermCounts } from "./term-counts";

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

/** The sum of a document that is excluded or has been offered: it compares with nothing. */
const OUT = Number.NaN;

/** What rounding may cost a document's sum, as a share of the most that the query's terms could give any; gains are float32. */
const ROUNDING = 1e-6;

/**
 * What each term scores in each document, and the exact best documents of a query: those of greatest Σ weight · score over the
 * query's terms.
 *
 * Most of a search adds up scores of documents that are not among the best. So it adds up less exact ones first, which differ from
 * document to document by one factor alone: what one occurrence gives is the same number for all documents of a term, and repeats
 * add to that (see {@link Weighting}).
 *
 * A long query reaches nearly all documents through its common terms, which tell documents apart least. Rare terms are stored by
 * term: a query touches only their few documents, and of n-grams that occur in nearly the same documents it touches those of one and
 * then where the others differ ({@link differenceBases}). Common terms are bits of the document. What they give is at most ‖query's common
 * weights‖ · ‖document's common scores‖ (Cauchy–Schwarz); it is computed only where this leaves the document a chance, eight terms
 * at a time, from a table of what every combination of them gives. Documents that still have a chance get their exact score, from
 * all their terms in the query's order. The result is that of scoring every document.
 */
export class ScoreMatrix {
  /** Rank of each common term among them, −1 for a rare one. */
  private readonly ranks: Int32Array;
  /** By term: one more than its place among those of the query in progress, 0 for all others. */
  private readonly places: Int32Array;
  /** By term: how many others lead from its list to one that is whole. */
  private readonly depths: Int32Array;
  /** By rare term: what is to be added for those of its documents that its base has not; 0 but for the query in progress. */
  private readonly totals: Float64Array;
  /** By place in a block: what the rare terms give it. */
  private readonly sums: Float64Array;
  /** Places of the documents that have a chance. */
  private readonly candidates: Int32Array;
  /** By eight common terms: what each of their 256 combinations gives. */
  private readonly tables: Float64Array;
  /** The largest gain · document factor that there is. */
  private readonly largestFactor: number;
  /** The greatest of the documents' factors, and of their norms. */
  private readonly greatestFactor: number;
  private readonly greatestNorm: number;

  constructor(
    readonly documentCount: number,
    private readonly weighting: Weighting,
    readonly commonTerms: Int32Array,
    readonly bases: Int32Array,
    readonly blocks: readonly ScoreBlock[],
  ) {
    const termBound = weighting.termFactors.length;
    this.ranks = ranksOf(commonTerms, termBound);
    this.places = new Int32Array(termBound);
    this.depths = depthsOf(bases);
    this.totals = new Float64Array(termBound);
    const largestBlock = Math.max(0, ...blocks.map((block) => block.size));
    this.sums = new Float64Array(largestBlock);
    this.candidates = new Int32Array(largestBlock);
    this.tables = new Float64Array(256 * bytesForBits(commonTerms.length));
    this.largestFactor = largestFactor(blocks);
    this.greatestFactor = greatest(blocks.map(({ factors }) => factors));
    this.greatestNorm = greatest(blocks.map(({ commonNorms }) => commonNorms));
  }

  /** The matrix of these counts; empties `counts.blocks` as it goes, for memory. */
  static build(counts: TermCounts, shorter: ShorterTerms, weighting: Weighting): ScoreMatrix {
    const documentCount = counts.lengths.length;
    const isCommon = (_: number, term: number) =>
      counts.documentFrequency[term]! > documentCount * COMMON_SHARE;
    const commonTerms = Int32Array.from(counts.documentFrequency.keys()).filter(isCommon);
    const ranks = ranksOf(commonTerms, counts.documentFrequency.length);
    const bases = differenceBases(counts.documentFrequency, (term) => ranks[term]! < 0, shorter);
    const blocks: ScoreBlock[] = [];
    for (let block = counts.blocks.shift(); block !== undefined; block = counts.blocks.shift()) {
      blocks.push(scoreBlock(block, ranks, commonTerms.length, bases, weighting));
    }
    return new ScoreMatrix(documentCount, weighting, commonTerms, bases, blocks);
  }

  /** Size of the scores' arrays in bytes. */
  get byteLength(): number {
    const arrays = this.blocks.flatMap((block) =>
      Object.values(block).filter((part) => ArrayBuffer.isView(part)),
    );
    return arrays.reduce((sum, array) => sum + array.byteLength, this.bases.byteLength);
  }

  /**
   * The `k` documents of greatest score, best first, equal scores in index order; all documents that are not excluded
   * where there are fewer. Documents that share no term with the query have score 0.
   */
  top(query: WeightedTerms, k: number, { exclude = [] }: SearchOptions = {}): SearchResult[] {
    if (!Number.isInteger(k) || k < 0) throw new RangeError(`k must be a whole number from 0, not ${k}`);
    const excluded = new Set(exclude);
    const terms = this.split(query);
    this.fillTables(terms);
    const best = new Best(k);
    for (const block of this.blocks) {
      this.addRare(block, terms);
      for (const index of excluded) {
        const place = index - block.first;
        if (place >= 0 && place < block.size) this.sums[place] = OUT;
      }
      this.offerBlock(block, terms, best, k);
    }
    for (const term of query.terms) this.places[term] = 0;
    return best.sorted();
  }

  /** Offers the block's documents that have a chance. */
  private offerBlock(block: ScoreBlock, terms: QueryTerms, best: Best, k: number): void {
    const { sums, candidates } = this;
    const { first, size, factors, commonNorms } = block;
    const { reach } = terms;
    // Those first that are likely the best, in the first block: they set a threshold that spares the others.
    if (best.threshold === Number.NEGATIVE_INFINITY) {
      for (const d of likeliest(sums, size, k)) {
        best.offer(first + d, this.exactScore(block, d, terms));
        sums[d] = OUT;
      }
    }
    let least = best.threshold - terms.slack;
    const count = placesFrom(sums, size, this.leastSum(least, reach), candidates);
    for (let i = 0; i < count; i++) {
      const d = candidates[i]!;
      const rarePart = sums[d]! * factors[d]!;
      if (!(rarePart + reach * commonNorms[d]! >= least)) continue;
      if (!(rarePart + factors[d]! * this.commonPart(block, d) >= least)) continue;
      best.offer(first + d, this.exactScore(block, d, terms));
      least = best.threshold - terms.slack;
    }
  }

  /** The sum with which a document of greatest factor and greatest norm could score `least`; others need more. */
  private leastSum(least: number, reach: number): number {
    const missing = least - reach * this.greatestNorm;
    return missing > 0 ? missing / this.greatestFactor : Number.NEGATIVE_INFINITY;
  }

  /** Sorts a query's terms into rare and common ones and gives each its place. */
  private split({ terms, weights }: WeightedTerms): QueryTerms {
    const { termFactors, balance } = this.weighting;
    const rare: number[] = [];
    const steps = new Float64Array(terms.length);
    let [most, squares] = [0, 0];
    for (let q = 0; q < terms.length; q++) {
      const term = terms[q]!;
      const weight = weights[q]!;
      this.places[term] = q + 1;
      steps[q] = weight * termFactors[term]!;
      most += Math.abs(steps[q]!);
      if (this.ranks[term]! < 0) rare.push(q);
      else squares += (weight * balance[term]!) ** 2;
    }
    const lists = this.listsOf(terms, steps, rare);
    const slack = most * this.largestFactor * ROUNDING;
    const reach = Math.sqrt(squares) * (1 + ROUNDING);
    return { terms, weights, steps, rare, lists, slack, reach, parts: new Float64Array(terms.length) };
  }

  /** The lists that tell which documents hold the rare terms. */
  private listsOf(terms: Int32Array, steps: Float64Array, rare: readonly number[]): ListStep[] {
    const { bases, depths, totals } = this;
    // By depth: the deepest lists come first, as each hands on to its base what holds for the base's documents too.
    const waiting: number[][] = [];
    const add = (term: number, step: number) => {
      if (totals[term] === 0) (waiting[depths[term]!] ??= []).push(term);
      totals[term]! += step;
    };
    for (const q of rare) add(terms[q]!, steps[q]!);
    const lists: ListStep[] = [];
    for (let depth = waiting.length - 1; depth >= 0; depth--) {
      for (const term of waiting[depth] ?? []) {
        const total = totals[term]!;
        totals[term] = 0;
        const base = bases[term]!;
        lists.push({ term, step: base < 0 ? -total : total });
        if (base !== 0) add(Math.abs(base), total);
      }
    }
    return lists;
  }

  /** Adds to `sums` what the rare terms give the block's documents, but for the documents' factors. */
  private addRare(block: ScoreBlock, { terms, steps, rare, lists }: QueryTerms): void {
    const { rareStarts, rareDocuments, repeats } = block;
    const sums = this.sums.fill(0);
    for (const { term, step } of lists) {
      addToAll(sums, rareDocuments, rareStarts[2 * term]!, rareStarts[2 * term + 2]!, step);
    }
    for (const q of rare) {
      const term = terms[q]!;
      const step = steps[q]!;
      const end = rareStarts[2 * term + 3]!;
      for (let i = rareStarts[2 * term + 1]!; i < end; i += 2) sums[repeats[i]!]! += step * repeats[i + 1]!;
    }
  }

  /** Sets every table to the sums of what its terms give. */
  private fillTables({ steps }: QueryTerms): void {
    const { tables, commonTerms, places } = this;
    for (let rank = 0; rank < commonTerms.length; rank++) {
      const place = places[commonTerms[rank]!]!;
      const step = place === 0 ? 0 : steps[place - 1]!;
      const bit = 1 << (rank & 7);
      const table = (rank >> 3) * 256;
      if (bit === 1) tables[table] = 0;
      for (let combination = 0; combination < bit; combination++)
        tables[table + bit + combination] = tables[table + combination]! + step;
    }
  }

  /** What the common terms give a document, but for its factor. */
  private commonPart(block: ScoreBlock, document: number): number {
    const { commonBits, commonRepeatStarts, commonRepeatRanks, commonRepeatGains } = block;
    const { tables, commonTerms } = this;
    const bytes = bytesForBits(commonTerms.length);
    let sum = 0;
    for (let byte = 0, at = document * bytes; byte < bytes; byte++, at++)
      sum += tables[byte * 256 + commonBits[at]!]!;
    const end = commonRepeatStarts[document + 1]!;
    for (let i = commonRepeatStarts[document]!; i < end; i++) {
      const rank = commonRepeatRanks[i]!;
      const alone = tables[(rank >> 3) * 256 + (1 << (rank & 7))]!;
      sum += alone * commonRepeatGains[i]!;
    }
    return sum;
  }

  /** A document's score: the sum of its rare terms in the query's order, and that of its common ones by rank. */
  private exactScore(block: ScoreBlock, document: number, { terms, weights, parts }: QueryTerms): number {
    const { first, documentStarts, documentTerms } = block;
    const { places, weighting, ranks } = this;
    parts.fill(0);
    let common = 0;
    const end = documentStarts[document + 1]!;
    for (let i = documentStarts[document]!; i < end; i++) {
      let term = documentTerms[i]!;
      let count = 1;
      if (term < 0) {
        term = ~term;
        count = documentTerms[++i]!;
      }
      const q = places[term]! - 1;
      if (q < 0) continue;
      const part = weights[q]! * weighting.score(term, count, first + document);
      if (ranks[term]! < 0) parts[q] = part;
      else common += part;
    }
    let rare = 0;
    for (let q = 0; q < terms.length; q++) rare += parts[q]!;
    return rare + common;
  }
}

interface QueryTerms extends WeightedTerms {
  /** The weights times the terms' factors. */
  steps: Float64Array;
  /** Places of the rare terms. */
  rare: number[];
  /** What is added for the documents of lists. */
  lists: ListStep[];
  /** What a sum may be too small by. */
  slack: number;
  /** Euclidean norm of the common terms' weights, each times the term's {@link Weighting.balance}. */
  reach: number;
  /** Room for what each term gives a document. */
  parts: Float64Array;
}

/** What is to be added for each document of a term's list. */
interface ListStep {
  term: number;
  step: number;
}

/** Adds `step` to the sums of the documents from `start` to `end`. Unrolled: this is where a search spends its time. */
function addToAll(
  sums: Float64Array,
  documents: Uint16Array,
  start: number,
  end: number,
  step: number,
): void {
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const a = documents[i]!;
    const b = documents[i + 1]!;
    const c = documents[i + 2]!;
    const d = documents[i + 3]!;
    sums[a]! += step;
    sums[b]! += step;
    sums[c]! += step;
    sums[d]! += step;
  }
  for (; i < end; i++) sums[documents[i]!]! += step;
}

/** Places of the documents whose sum is at least `least`, in `found`; how many there are. */
function placesFrom(sums: Float64Array, size: number, least: number, found: Int32Array): number {
  let count = 0;
  for (let d = 0; d < size; d++) if (sums[d]! >= least) found[count++] = d;
  return count;
}

/** Places of the `k` documents of greatest sums. */
function likeliest(sums: Float64Array, size: number, k: number): number[] {
  const best = new Best(k);
  let least = best.threshold;
  for (let d = 0; d < size; d++) {
    if (!(sums[d]! > least)) continue;
    best.offer(d, sums[d]!);
    least = best.threshold;
  }
  return best.sorted().map(({ index }) => index);
}

/** The rank of each common term among them, −1 for a rare one. */
function ranksOf(commonTerms: Int32Array, termBound: number): Int32Array {
  const ranks = new Int32Array(termBound).fill(-1);
  commonTerms.forEach((term, rank) => (ranks[term] = rank));
  return ranks;
}

/** By term: how many bases lead from it to a list that is whole. */
function depthsOf(bases: Int32Array): Int32Array {
  const depths = new Int32Array(bases.length);
  const way: number[] = [];
  for (let term = 1; term < bases.length; term++) {
    for (let at = term; bases[at] !== 0 && depths[at] === 0; at = Math.abs(bases[at]!)) way.push(at);
    for (let at = way.pop(); at !== undefined; at = way.pop()) depths[at] = depths[Math.abs(bases[at]!)]! + 1;
  }
  return depths;
}

/** The greatest number in any of the lists, at least 0. */
const greatest = (lists: readonly Float32Array[]): number =>
  lists.reduce((most, list) => list.reduce((a, b) => Math.max(a, b), most), 0);

/** The largest gain · document factor. */
function largestFactor(blocks: readonly ScoreBlock[]): number {
  let largest = 0;
  for (const block of blocks) {
    const { factors, repeats, commonRepeatStarts, commonRepeatGains } = block;
    const take = (d: number, gain: number) => (largest = Math.max(largest, factors[d]! * (1 + gain)));
    factors.forEach((_, d) => take(d, 0));
    for (let i = 0; i < repeats.length; i += 2) take(repeats[i]!, repeats[i + 1]!);
    for (let d = 0; d < block.size; d++)
      for (let i = commonRepeatStarts[d]!; i < commonRepeatStarts[d + 1]!; i++)
        take(d, commonRepeatGains[i]!);
  }
  return largest;
}
