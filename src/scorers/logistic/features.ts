import { simpleTokens } from "../../text";
import type { ScoredText } from "../scorer";

/** What a logistic model sees of texts: names with their values. */
export type Features = ReadonlyMap<string, number>;

/** Words that turn a sentence round. Apostrophes separate, so that "don't" is "don" and "t". */
const negations = new Set(
  "no not never none nothing nobody nowhere neither nor without cannot hate hates dislike dislikes t don dont cant won wont".split(
    " ",
  ),
);

const numberWords = new Set(
  "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred".split(
    " ",
  ),
);
const isNumber = (word: string) => numberWords.has(word) || /^\d+$/.test(word);

/**
 * The features of a text: each of its words. Of two texts, a premise and a hypothesis:
 *
 *     p:w, h:w    the words of each
 *     p:v×h:w     every pair of one word of each
 *     both:w, new:w, old:w   words of both, of the hypothesis alone, of the premise alone
 *     overlap     shares of shared words among those of each and of both, and whether one has all of the other's
 *     not         whether each is negated, whether just one is, and the shared share then
 *     number      whether both have numbers, and whether these differ
 *
 * Words count once; see `simpleTokens`.
 */
export function featuresOf(text: ScoredText): Features {
  if (typeof text === "string")
    return new Map([...new Set(simpleTokens(text))].map((word) => [`w:${word}`, 1]));
  const [premise, hypothesis] = text.map((part) => new Set(simpleTokens(part))) as [Set<string>, Set<string>];
  const features = new Map<string, number>();
  for (const word of premise) features.set(`p:${word}`, 1);
  for (const word of hypothesis) features.set(`h:${word}`, 1);
  for (const word of hypothesis) features.set(`${premise.has(word) ? "both" : "new"}:${word}`, 1);
  for (const word of premise) if (!hypothesis.has(word)) features.set(`old:${word}`, 1);
  for (const first of premise) for (const second of hypothesis) features.set(`p:${first}×h:${second}`, 1);

  const shared = [...hypothesis].filter((word) => premise.has(word)).length;
  const all = new Set([...premise, ...hypothesis]).size;
  features.set("overlap of the hypothesis", shared / Math.max(1, hypothesis.size));
  features.set("overlap of the premise", shared / Math.max(1, premise.size));
  features.set("overlap of both", shared / Math.max(1, all));
  if (shared === hypothesis.size) features.set("the hypothesis is within the premise", 1);
  if (shared === 0) features.set("no shared word", 1);

  const [denied, denies] = [premise, hypothesis].map((words) =>
    [...words].some((word) => negations.has(word)),
  );
  if (denied) features.set("not in the premise", 1);
  if (denies) features.set("not in the hypothesis", 1);
  if (denied !== denies) {
    features.set("not in one", 1);
    features.set("not in one, overlap", shared / Math.max(1, all));
  }
  const [given, claimed] = [premise, hypothesis].map((words) => [...words].filter(isNumber));
  if (given!.length > 0 && claimed!.length > 0)
    features.set(claimed!.every((word) => given!.includes(word)) ? "equal numbers" : "other numbers", 1);
  return features;
}

/** The features of the second text alone: what can be told without the first. */
export function featuresOfSecond(text: ScoredText): Features {
  const second = typeof text === "string" ? text : text[1];
  return new Map([...new Set(simpleTokens(second))].map((word) => [`h:${word}`, 1]));
}
