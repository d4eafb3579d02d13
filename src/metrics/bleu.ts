import { NgramTrie, splitAtSpace, SymbolTable, trimEnd } from "../text";

/** How n-gram orders without a match are smoothed (Chen and Cherry 2014, methods 3, 1, 2, and not at all). */
export type BleuSmoothing = "exp" | "floor" | "add-k" | "none";

export interface BleuOptions {
  /**
   * Smoothing.
   * @default "exp"
   */
  smooth?: BleuSmoothing;
  /** The numerator that `floor` gives an order without matches (0.1 unless told), or what `add-k` adds (1). */
  smoothValue?: number;
  /** Average over the orders that the hypotheses are long enough to have, not over all four. */
  effectiveOrder?: boolean;
  /** Compare lower-cased text. */
  lowercase?: boolean;
}

export interface BleuResult {
  /** BLEU, 0–100. */
  score: number;
  /** Smoothed n-gram precisions for n = 1…4, 0–100. */
  precisions: number[];
  /** exp(1 − referenceLength / hypothesisLength) for hypotheses shorter than the references, else 1. */
  brevityPenalty: number;
  /** Tokens in all hypotheses. */
  hypothesisLength: number;
  /** Tokens in all references. */
  referenceLength: number;
  /** The settings in sacreBLEU's notation. */
  signature: string;
}

const MAX_ORDER = 4;
const DEFAULT_SMOOTH_VALUE = { exp: undefined, floor: 0.1, "add-k": 1, none: undefined };

/** Numbers in one pair's {@link bleuStatistics}: two lengths, then matches and totals by order. */
export const BLEU_STATISTICS_WIDTH = 2 + 2 * MAX_ORDER;

/**
 * Corpus BLEU (Papineni et al. 2002) with one reference a hypothesis, equal to sacreBLEU's (Post 2018) `corpus_bleu`:
 * brevityPenalty · exp(¼ Σₙ ln pₙ), where pₙ is the share of all hypotheses' n-grams found in their references (each
 * as often as the reference has it), from the sums over the corpus. 13a tokenisation, smoothing `exp` unless told.
 *
 * The signature's `version` names the sacreBLEU series whose values these are.
 *
 * @throws {RangeError} where the two lists differ in length or are empty
 */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly string[],
  options: BleuOptions = {},
): BleuResult {
  if (hypotheses.length !== references.length || hypotheses.length === 0) {
    throw new RangeError(
      `corpusBleu needs one reference for each hypothesis and at least one pair, not ${hypotheses.length} hypotheses and ${references.length} references`,
    );
  }
  const sums = new Float64Array(BLEU_STATISTICS_WIDTH);
  hypotheses.forEach((hypothesis, i) => {
    const statistics = bleuStatistics(hypothesis, references[i]!, options);
    for (let j = 0; j < sums.length; j++) sums[j]! += statistics[j]!;
  });
  return bleuFromStatistics(sums, options);
}

/**
 * BLEU of one hypothesis against one reference, equal to sacreBLEU's `sentence_bleu`: as {@link corpusBleu}, with the
 * effective order unless told otherwise.
 */
export function sentenceBleu(hypothesis: string, reference: string, options: BleuOptions = {}): BleuResult {
  return corpusBleu([hypothesis], [reference], { effectiveOrder: true, ...options });
}

/**
 * What BLEU needs to know of one pair: [hypothesis tokens, reference tokens, matched 1…4-grams, hypothesis 1…4-grams].
 * These add up over a corpus, so that a resampled corpus costs additions only.
 */
export function bleuStatistics(
  hypothesis: string,
  reference: string,
  options: Pick<BleuOptions, "lowercase"> = {},
): Float64Array {
  const symbols = new SymbolTable();
  const [hypothesisTokens, referenceTokens] = [hypothesis, reference].map((text) =>
    symbols.add(tokenize13a(options.lowercase ? text.toLowerCase() : text)),
  ) as [Int32Array, Int32Array];

  const trie = new NgramTrie(MAX_ORDER * referenceTokens.length + 1);
  const left = new Int32Array(MAX_ORDER * referenceTokens.length + 1);
  for (let start = 0; start < referenceTokens.length; start++) {
    let node = 0;
    const end = Math.min(start + MAX_ORDER, referenceTokens.length);
    for (let i = start; i < end; i++) {
      node = trie.add(node, referenceTokens[i]!);
      left[node]!++;
    }
  }

  const statistics = new Float64Array(BLEU_STATISTICS_WIDTH);
  statistics[0] = hypothesisTokens.length;
  statistics[1] = referenceTokens.length;
  for (let start = 0; start < hypothesisTokens.length; start++) {
    let node = 0;
    const end = Math.min(start + MAX_ORDER, hypothesisTokens.length);
    for (let i = start; i < end; i++) {
      const order = i - start;
      statistics[2 + MAX_ORDER + order]!++;
      if (order > 0 && node === 0) continue;
      node = trie.find(node, hypothesisTokens[i]!);
      if (node !== 0 && left[node]! > 0) {
        left[node]!--;
        statistics[2 + order]!++;
      }
    }
  }
  return statistics;
}

/** BLEU from the sum of pairs' {@link bleuStatistics}. */
export function bleuFromStatistics(statistics: ArrayLike<number>, options: BleuOptions = {}): BleuResult {
  const smooth = options.smooth ?? "exp";
  if (!(smooth in DEFAULT_SMOOTH_VALUE)) {
    throw new RangeError(`smooth is one of ${Object.keys(DEFAULT_SMOOTH_VALUE).join(", ")}, not ${smooth}`);
  }
  const smoothValue = options.smoothValue ?? DEFAULT_SMOOTH_VALUE[smooth] ?? 0;
  const hypothesisLength = statistics[0]!;
  const referenceLength = statistics[1]!;
  const matches = Array.from({ length: MAX_ORDER }, (_, i) => statistics[2 + i]!);
  const totals = Array.from({ length: MAX_ORDER }, (_, i) => statistics[2 + MAX_ORDER + i]!);

  let brevityPenalty = 1;
  if (hypothesisLength < referenceLength) {
    brevityPenalty = hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
  }
  const precisions = new Array<number>(MAX_ORDER).fill(0);
  let score = 0;
  if (matches.some((count) => count > 0)) {
    let halvings = 1;
    let effectiveOrder = MAX_ORDER;
    for (let i = 0; i < MAX_ORDER; i++) {
      const added = smooth === "add-k" && i > 0 ? smoothValue : 0;
      const match = matches[i]! + added;
      const total = totals[i]! + added;
      if (total === 0) break;
      if (options.effectiveOrder) effectiveOrder = i + 1;
      if (match > 0) precisions[i] = (100 * match) / total;
      else if (smooth === "exp") precisions[i] = 100 / ((halvings *= 2) * total);
      else if (smooth === "floor") precisions[i] = (100 * smoothValue) / total;
    }
    const used = precisions.slice(0, effectiveOrder);
    const meanLog = used.reduce((sum, precision) => sum + Math.log(precision), 0) / effectiveOrder;
    score = brevityPenalty * Math.exp(meanLog);
  }
  return {
    score,
    precisions,
    brevityPenalty,
    hypothesisLength,
    referenceLength,
    signature: signature(smooth, smoothValue, options),
  };
}

function signature(smooth: BleuSmoothing, smoothValue: number, options: BleuOptions): string {
  const value = smooth === "floor" || smooth === "add-k" ? `[${smoothValue.toFixed(2)}]` : "";
  return [
    "nrefs:1",
    `case:${options.lowercase ? "lc" : "mixed"}`,
    `eff:${options.effectiveOrder ? "yes" : "no"}`,
    "tok:13a",
    `smooth:${smooth}${value}`,
    "version:2.5.x",
  ].join("|");
}

/**
 * The tokens of mteval-v13a, the tokenisation of WMT, as sacreBLEU applies it: joins words hyphenated at a line end,
 * decodes four entities, and sets ASCII punctuation apart — full stops and commas not inside numbers, hyphens only
 * after a digit. Characters beyond ASCII stay with their words.
 */
export function tokenize13a(text: string): string[] {
  let line = trimEnd(text).replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  if (line.includes("&")) {
    line = line
      .replaceAll("&quot;", '"')
      .replaceAll("&amp;", "&")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">");
  }
  line = ` ${line} `
    .replace(/[{-~[-` -&(-+:-@/]/gu, " $& ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/gu, "$1 $2 ");
  return splitAtSpace(line);
}
