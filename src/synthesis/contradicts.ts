import type { InferenceScorer } from "../judges";
import { contentWords, porterStem, sentences } from "../metrics";
import { simpleTokens } from "../text";

/** Words that deny, as {@link simpleTokens} leaves them. */
const denials = new Set(
  "not no never none nobody nothing neither nor without t cannot hate dislike stopped quit".split(" "),
);

/** Share of a fact's content words from which on a sentence speaks of the same. */
const SAME = 0.75;

/** Parts of a sentence that say something by themselves: what is denied in one is not denied in the next. */
const clauses = (sentence: string): string[] =>
  sentence
    .split(/[,;:–—]|\b(?:but|and|when|because|so|though|although|while)\b/i)
    .filter((one) => one.trim() !== "");

/**
 * Whether a sentence denies a fact, by words: one of its clauses has at least three quarters of the content words (their stems) of the fact's first
 * clause, and one of the two has a word that denies (*not*, *n't*, *no*, *never*, *hate*) where the other has none. What is denied in
 * other words is not seen.
 */
export function denies(sentence: string, fact: string): boolean {
  const [stated = ""] = clauses(fact);
  const wanted = [...contentWords(stated)].filter((word) => !denials.has(word)).map(porterStem);
  if (wanted.length === 0) return false;
  const isDenied = (words: readonly string[]) => words.some((word) => denials.has(word));
  return clauses(sentence).some((clause) => {
    const tokens = simpleTokens(clause);
    const said = new Set(tokens.map(porterStem));
    const shared = wanted.filter((word) => said.has(word)).length;
    return shared / wanted.length >= SAME && isDenied(tokens) !== isDenied(simpleTokens(stated));
  });
}

/** Beginnings of a fact and what they are when it is denied. */
const negations: readonly (readonly [RegExp, string])[] = [
  [/^I am not\b/i, "I am"],
  [/^I'm not\b/i, "I am"],
  [/^(I am|I'm)\b/i, "I am not"],
  [/^I (do not|don't|never)\b/i, "I"],
  [/^I have no\b/i, "I have"],
  [/^I (have (?:never|not)|haven't)\b/i, "I have"],
  [
    /^I have (been|broken|seen|done|gone|lived|worked|run|written|won|lost|kept|slept|used|eaten)\b/i,
    "I have never $1",
  ],
  [/^I (can not|cannot|can't)\b/i, "I can"],
  [/^I can\b/i, "I cannot"],
  [/^I (was|were)\b/i, "I was not"],
  [/^I (would|will|could|should)\b/i, "I $1 not"],
  [/^My (.*?) (is|are|was|were) not\b/i, "My $1 $2"],
  [/^My (.*?) (is|are|was|were|has|can|will)\b/i, "My $1 $2 not"],
  [/^I (used to)\b/i, "I never used to"],
  [/^I\b/i, "I do not"],
];

/** A fact denied, by rules of its beginning; undefined where none is known. */
export function negation(fact: string): string | undefined {
  const text = fact.trim();
  for (const [pattern, replacement] of negations)
    if (pattern.test(text)) return text.replace(pattern, replacement);
  return undefined;
}

/** A contradiction that was found, with what found it. */
export interface Contradiction {
  readonly fact: string;
  readonly sentence: string;
  /** `words` ({@link denies}), or the scorer's probability. */
  readonly by: string;
}

/**
 * How strongly two facts of one person exclude each other, 0–1: 1 if one denies the other by words, else the scorer's greatest
 * probability, in either direction, that one entails the other's {@link negation}, or contradicts it.
 */
export async function exclusion(
  pairs: readonly (readonly [string, string])[],
  scorer: InferenceScorer,
): Promise<number[]> {
  const asked = pairs.map(([a, b]) => ({
    direct: [
      [a, b],
      [b, a],
    ] as [string, string][],
    negated: [
      ...[negation(b)].flatMap((not): [string, string][] => (not === undefined ? [] : [[a, not]])),
      ...[negation(a)].flatMap((not): [string, string][] => (not === undefined ? [] : [[b, not]])),
    ],
  }));
  const found = await scorer.infer(asked.flatMap(({ direct, negated }) => [...direct, ...negated]));
  let at = 0;
  return asked.map(({ direct, negated }, i) => {
    const [a, b] = pairs[i]!;
    const contradicted = direct.map(() => found[at++]!.contradiction);
    const entailed = negated.map(() => found[at++]!.entailment);
    return denies(a, b) || denies(b, a) ? 1 : Math.max(...contradicted, ...entailed);
  });
}

/**
 * The strength above which two facts count as excluding each other, such that a share of the pairs of real personas, whose facts are
 * taken to go together, passes. What is denied by words never does.
 *
 * @throws {RangeError} if no persona has two facts
 */
export async function excludesAbove(
  personas: readonly (readonly string[])[],
  scorer: InferenceScorer,
  passing: number,
): Promise<number> {
  const pairs = personas.flatMap((facts) =>
    facts.flatMap((one, i) => facts.slice(i + 1).map((other): [string, string] => [one, other])),
  );
  return passed(await exclusion(pairs, scorer), passing);
}

/** The strength at or below which a share of `strengths` lies; below 1, which is a denial by words. */
export function passed(strengths: readonly number[], share: number): number {
  if (strengths.length === 0)
    throw new RangeError("nothing real is there, by which contradictions could be calibrated");
  const sorted = [...strengths].sort((a, b) => a - b);
  return Math.min(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!, 0.999);
}

/** Sentences that say something: no questions. */
export const told = (text: string): string[] => sentences(text).filter((sentence) => !sentence.endsWith("?"));

/**
 * The strongest contradiction between what somebody says and their facts: a denial by words first, else the pair that the scorer
 * finds most contradicting, with its probability. Undefined where nothing is said.
 */
export async function strongestContradiction(
  facts: readonly string[],
  said: readonly string[],
  scorer: InferenceScorer,
): Promise<{ probability: number; found: Contradiction } | undefined> {
  const pairs = facts.flatMap((fact) => said.map((sentence): [string, string] => [fact, sentence]));
  const denied = pairs.find(([fact, sentence]) => denies(sentence, fact));
  if (denied) return { probability: 1, found: { fact: denied[0], sentence: denied[1], by: "words" } };
  let worst: { probability: number; found: Contradiction } | undefined;
  (await scorer.infer(pairs)).forEach(({ contradiction: probability }, i) => {
    const [fact, sentence] = pairs[i]!;
    if (!worst || probability > worst.probability)
      worst = { probability, found: { fact, sentence, by: `${scorer.name}, ${probability.toFixed(2)}` } };
  });
  return worst;
}
