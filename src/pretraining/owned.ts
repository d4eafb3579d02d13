import type { Random } from "../random";
import type { Document, Sentence } from "./documents";

/** How often sentences that do not belong are among those given, and how many at most. */
const STRANGERS = { chance: 0.6, most: 3 };

/**
 * Sentences to make a dialogue of, in any order, so that a model learns whose they are: those of speaker 1, a token between, those of
 * speaker 2. More often than not some of another dialogue are among them, which the answer has to leave out.
 *
 * @param kept sentences of `document`
 */
export function ownedSentences(
  kept: readonly Sentence[],
  document: Document,
  other: Document,
  between: number,
  random: Random,
): number[] {
  const tokensOf = ({ tokens }: Document, { start, end }: Sentence) => tokens.slice(start, end);
  const said: Record<1 | 2, number[][]> = { 1: [], 2: [] };
  for (const sentence of kept) said[sentence.speaker].push(tokensOf(document, sentence));
  if (random.uniform() < STRANGERS.chance) {
    const strangers = random.shuffle(other.sentences).slice(0, 1 + random.integer(STRANGERS.most));
    for (const sentence of strangers) said[sentence.speaker].push(tokensOf(other, sentence));
  }
  const [first, second] = [random.shuffle(said[1]), random.shuffle(said[2])];
  return [...first.flat(), between, ...second.flat()];
}

/** Some of the sentences that lie in a part of a document, each with a chance drawn for all from 20 to 80 %. */
export function someSentences(
  { sentences }: Document,
  part: { readonly start: number; readonly end: number },
  random: Random,
): Sentence[] {
  const chance = 0.2 + 0.6 * random.uniform();
  return sentences.filter(
    ({ start, end }) => start >= part.start && end <= part.end && random.uniform() < chance,
  );
}
