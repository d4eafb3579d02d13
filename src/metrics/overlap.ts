import { NgramTrie, simpleTokens, SymbolTable } from "../text";
import { overlapScore } from "./rouge";
import { stopWords } from "./stop-words";

/**
 * Jaccard similarity |A ∩ B| / |A ∪ B| of the two texts' sets of {@link simpleTokens}, 0–1; symmetric. Two texts
 * without tokens are equal: 1.
 */
export function jaccard(a: string, b: string): number {
  const inA = new Set(simpleTokens(a));
  const inB = new Set(simpleTokens(b));
  let shared = 0;
  for (const token of inA) if (inB.has(token)) shared++;
  const union = inA.size + inB.size - shared;
  return union === 0 ? 1 : shared / union;
}

export interface PersonaCoverageOptions {
  /** Leave {@link stopWords} out of the persona: what is left shows whether its content was used. */
  ignoreStopWords?: boolean;
}

/**
 * Persona coverage, as the project's proposal defines it: the share, 0–1, of a persona's distinct {@link simpleTokens}
 * that occur in the output. Function words ("I", "my", "to") are in nearly every text and inflate it: with
 * `ignoreStopWords` only content words count. A persona without (such) words has coverage 0.
 *
 * @param persona the persona's facts, one text or several.
 */
export function personaCoverage(
  output: string,
  persona: string | readonly string[],
  { ignoreStopWords = false }: PersonaCoverageOptions = {},
): number {
  const wanted = personaWords(persona, { ignoreStopWords });
  if (wanted.size === 0) return 0;
  const said = new Set(simpleTokens(output));
  let found = 0;
  for (const token of wanted) if (said.has(token)) found++;
  return found / wanted.size;
}

/** The distinct tokens that {@link personaCoverage} looks for. */
export function personaWords(
  persona: string | readonly string[],
  { ignoreStopWords = false }: PersonaCoverageOptions = {},
): Set<string> {
  const text = typeof persona === "string" ? persona : persona.join("\n");
  return new Set(simpleTokens(text).filter((token) => !ignoreStopWords || !stopWords.has(token)));
}

/**
 * Unigram F1, 0–1: the harmonic mean of the shares of hypothesis and reference {@link simpleTokens} that the other
 * has, each token as often as both have it; symmetric. As in ParlAI's and SQuAD's F1, but articles are kept. 0 where
 * nothing is shared, so also for empty texts.
 */
export function unigramF1(hypothesis: string, reference: string): number {
  const symbols = new SymbolTable();
  const h = symbols.add(simpleTokens(hypothesis));
  const r = symbols.add(simpleTokens(reference));
  const left = new Int32Array(symbols.size);
  for (const token of r) left[token]!++;
  let matched = 0;
  for (const token of h) if (left[token]!-- > 0) matched++;
  return overlapScore(matched, h.length, r.length).fmeasure;
}

/**
 * distinct-n (Li et al. 2016, "A diversity-promoting objective function"): distinct n-grams over all n-grams of the
 * texts' {@link simpleTokens}, 0–1. n-grams do not cross from one text to the next. 0 where there are none. It falls
 * as texts grow longer, so compare outputs of one length only.
 */
export function distinctN(texts: string | readonly string[], n = 1): number {
  if (!Number.isInteger(n) || n < 1)
    throw new RangeError(`distinctN: n must be a whole number from 1, not ${n}`);
  const symbols = new SymbolTable();
  const trie = new NgramTrie();
  const seen = new Set<number>();
  let total = 0;
  for (const text of typeof texts === "string" ? [texts] : texts) {
    const tokens = symbols.add(simpleTokens(text));
    for (let end = n; end <= tokens.length; end++) {
      let node = 0;
      for (let i = end - n; i < end; i++) node = trie.add(node, tokens[i]!);
      seen.add(node);
      total++;
    }
  }
  return total === 0 ? 0 : seen.size / total;
}

/** Hypothesis length over reference length in {@link simpleTokens}; 0 for an empty reference. */
export function lengthRatio(hypothesis: string, reference: string): number {
  const referenceLength = simpleTokens(reference).length;
  return referenceLength === 0 ? 0 : simpleTokens(hypothesis).length / referenceLength;
}
