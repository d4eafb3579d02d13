import type { Random } from "../../random";
import type { Document } from "../documents";
import { ownedSentences, someSentences } from "../owned";
import type { PretrainingTokens } from "../tokens";
import type { Words } from "../words";
import type { CausalText } from "./text";

const LONGEST_PART = 176;
const SWAPS = 0.4;

/** A part of a dialogue, from one of its turns on, behind sentences that it is to be made of; these are not learned. */
export function sentencesText(
  document: Document,
  other: Document,
  words: Words,
  special: PretrainingTokens,
  random: Random,
): CausalText {
  const { tokens, turns } = document;
  const { start } = random.uniform() < 0.5 ? turns[0]! : turns[random.integer(turns.length)]!;
  const end = start + LONGEST_PART;
  const kept = someSentences(document, { start, end }, random);
  const plain = [
    ownedSentences(kept, document, other, special.between, random),
    tokens.slice(start, end),
  ] as const;
  const [given, part] = random.uniform() < SWAPS ? words.swap(...plain, random) : plain;
  const isWhole = end >= tokens.length;
  return {
    tokens: [...given, special.write, ...part, ...(isWhole ? [special.eos] : [])],
    given: given.length + 1,
  };
}
