import type { Random } from "../../random";
import type { Example } from "../../training";
import type { Document, TokenSpan } from "../documents";
import { ownedSentences, someSentences } from "../owned";
import type { PretrainingTokens } from "../tokens";
import type { Words } from "../words";
import { ended, type ExampleLengths } from "./example";

/** How often sentences are only to be repeated, without labels, and how often words are swapped. */
const REPEATED = 0.2;
const SWAPPED = 0.4;

/**
 * A part of a dialogue from some of its sentences in any order, those of the two speakers apart, among a few that do not belong (after
 * BART's sentence permutation and deletion; Lewis et al., 2020, §2.2). To answer, a model must find what fits next, take it, have
 * the right speaker say it, and write what joins it to the rest. One time in five the sentences are only repeated. Rarer words are swapped
 * for others in both input and target, two times in five.
 */
export function ownedSentencesExample(
  document: Document,
  part: TokenSpan,
  other: Document,
  words: Words,
  { between, eos }: Pick<PretrainingTokens, "between" | "eos">,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const kept = someSentences(document, part, random);
  const repeated = random.uniform() < REPEATED;
  const repeat = () => random.shuffle(kept).flatMap(({ start, end }) => document.tokens.slice(start, end));
  const inputIds = repeated ? repeat() : ownedSentences(kept, document, other, between, random);
  const labels = repeated ? inputIds : document.tokens.slice(part.start, part.end);
  const swaps = random.uniform() < SWAPPED;
  const [given, target] = swaps ? words.swap(inputIds, labels, random) : [inputIds, labels];
  return ended({ inputIds: given, labels: target }, lengths, eos);
}
