import { NgramTrie, SymbolTable } from "../text";
import { lcsLength } from "./lcs";
import { porterStem } from "./porter";

export interface RougeOptions {
  /** Reduce words of more than three characters to their Porter stem before comparing. */
  useStemmer?: boolean;
  /**
   * What cuts a text into tokens.
   * @default rouge_score's: runs of [a-z0-9] in the lower-cased text
   */
  tokens?: (text: string) => string[];
}

export interface RougeScore {
  /** Share of the hypothesis that is matched, 0–1. */
  precision: number;
  /** Share of the reference that is matched, 0–1. */
  recall: number;
  /** Harmonic mean 2PR / (P + R), 0–1. */
  fmeasure: number;
}

/**
 * ROUGE-L (Lin 2004): with L the length of the longest common subsequence of the two token sequences, precision is
 * L / |hypothesis|, recall L / |reference|. Equal to rouge_score's `rougeL` (the whole text as one sequence): tokens
 * are the lower-cased text's runs of [a-z0-9], so text in other scripts has none and scores 0.
 */
export function rougeL(hypothesis: string, reference: string, options: RougeOptions = {}): RougeScore {
  const symbols = new SymbolTable();
  const h = symbols.add(rougeTokens(hypothesis, options));
  const r = symbols.add(rougeTokens(reference, options));
  return overlapScore(lcsLength(r, h), h.length, r.length);
}

/**
 * ROUGE-N (Lin 2004): matched n-grams (each as often as both texts have it) over the hypothesis' n-grams (precision)
 * and the reference's (recall), each 0–1. Equal to rouge_score's `rouge1`…`rouge9`; tokens as for {@link rougeL}.
 */
export function rougeN(hypothesis: string, reference: string, n = 2, options: RougeOptions = {}): RougeScore {
  if (!Number.isInteger(n) || n < 1)
    throw new RangeError(`rougeN: n must be a whole number from 1, not ${n}`);
  const symbols = new SymbolTable();
  const h = symbols.add(rougeTokens(hypothesis, options));
  const r = symbols.add(rougeTokens(reference, options));
  const trie = new NgramTrie();
  const left: number[] = [];
  for (let end = n; end <= r.length; end++) {
    let node = 0;
    for (let i = end - n; i < end; i++) node = trie.add(node, r[i]!);
    left[node] = (left[node] ?? 0) + 1;
  }
  let matched = 0;
  for (let end = n; end <= h.length; end++) {
    let node = 0;
    for (let i = end - n; i < end && (node !== 0 || i === end - n); i++) node = trie.find(node, h[i]!);
    if (node !== 0 && (left[node] ?? 0) > 0) {
      left[node]!--;
      matched++;
    }
  }
  return overlapScore(matched, Math.max(0, h.length - n + 1), Math.max(0, r.length - n + 1));
}

/** Precision, recall and F from a match count and two sizes; 0 where there is nothing to match. */
export function overlapScore(matched: number, hypothesisSize: number, referenceSize: number): RougeScore {
  if (matched === 0) return { precision: 0, recall: 0, fmeasure: 0 };
  const precision = matched / hypothesisSize;
  const recall = matched / referenceSize;
  return { precision, recall, fmeasure: (2 * precision * recall) / (precision + recall) };
}

/** The tokens of a text, the longer ones stemmed on request. */
function rougeTokens(
  text: string,
  { useStemmer = false, tokens: cut = alphanumericRuns }: RougeOptions,
): string[] {
  const tokens = cut(text);
  return useStemmer ? tokens.map((token) => (token.length > 3 ? porterStem(token) : token)) : tokens;
}

/** rouge_score's tokens. */
const alphanumericRuns = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
