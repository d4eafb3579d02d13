import type { Random } from "../random";
import type { Example } from "../training";
import type { TokenSpan } from "./documents";

/** The special tokens that pretraining examples are made with. */
export interface DenoisingTokens {
  /** `<extra_id_0>`, `<extra_id_1>`, …: what stands for the first, second, … span that was taken out. */
  readonly sentinels: readonly number[];
  readonly eos: number;
}

/** The most tokens that an example may have, the end-of-sequence tokens included. */
export interface ExampleLengths {
  readonly input: number;
  readonly target: number;
}

/** Which of `length` tokens are noise: spans of `spanLength` on average, `density` of the tokens in all. */
export function noiseMask(length: number, density: number, spanLength: number, random: Random): boolean[] {
  const noise = Math.min(length - 1, Math.max(1, Math.round(length * density)));
  const spans = Math.max(1, Math.min(Math.round(noise / spanLength), noise, length - noise));
  const noiseLengths = randomParts(noise, spans, random);
  const keptLengths = randomParts(length - noise, spans, random);
  return keptLengths.flatMap((kept, i) => [
    ...new Array<boolean>(kept).fill(false),
    ...new Array<boolean>(noiseLengths[i]!).fill(true),
  ]);
}

/** `total` as a sum of `parts` whole numbers of at least 1, every such sum being as likely. */
function randomParts(total: number, parts: number, random: Random): number[] {
  const cuts = random
    .shuffle(Array.from({ length: total - 1 }, (_, i) => i + 1))
    .slice(0, parts - 1)
    .sort((a, b) => a - b);
  return [...cuts, total].map((cut, i) => cut - (cuts[i - 1] ?? 0));
}

/**
 * T5's objective (Raffel et al., 2020, §3.1.4): every noise span of the input becomes a sentinel, and the target is each
 * sentinel with the tokens that it stands for. Density and span length are drawn for every example, from T5's own
 * (0.15, 3) up to half the text in spans of 8, as in UL2's mixture of denoisers (Tay et al., 2022).
 */
export function spanCorruption(
  tokens: readonly number[],
  { sentinels, eos }: DenoisingTokens,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const density = 0.15 + 0.35 * random.uniform();
  const spanLength = 3 + 5 * random.uniform();
  const inputIds: number[] = [];
  const labels: number[] = [];
  let span = -1;
  noiseMask(tokens.length, density, spanLength, random).forEach((noise, i, mask) => {
    if (noise && !mask[i - 1]) {
      span++;
      inputIds.push(sentinels[span]!);
      labels.push(sentinels[span]!);
    }
    (noise ? labels : inputIds).push(tokens[i]!);
  });
  return ended({ inputIds, labels }, lengths, eos);
}

/**
 * Denoising with the whole text as target (T5's "BERT-style" objective, §3.3.1; as BART's): between 15 and 50 % of the tokens
 * are replaced, a span at a time, by the last sentinel. To answer, a model must copy what it was given and fill the gaps.
 */
export function wholeTextDenoising(
  tokens: readonly number[],
  { sentinels, eos }: DenoisingTokens,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const density = 0.15 + 0.35 * random.uniform();
  const mask = noiseMask(tokens.length, density, 3, random);
  const inputIds = tokens.flatMap((token, i) => {
    if (!mask[i]) return [token];
    return mask[i - 1] ? [] : [sentinels.at(-1)!];
  });
  return ended({ inputIds, labels: [...tokens] }, lengths, eos);
}

/**
 * Sentence permutation and deletion (after BART's; Lewis et al., 2020, §2.2): the input has some of a text's sentences, each
 * with a chance drawn for the example from 20 to 80 %, in any order; the target is the whole text. To answer, a model
 * must find what fits next, take it, and write what joins it to the rest.
 *
 * @param sentences the parts of `tokens` that may be in the input
 */
export function sentencePermutation(
  tokens: readonly number[],
  sentences: readonly TokenSpan[],
  { eos }: DenoisingTokens,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const chance = 0.2 + 0.6 * random.uniform();
  const kept = random.shuffle(sentences.filter(() => random.uniform() < chance));
  const inputIds = kept.flatMap(({ start, end }) => tokens.slice(start, end));
  return ended({ inputIds, labels: [...tokens] }, lengths, eos);
}

/** A text from itself. */
export function copying(
  tokens: readonly number[],
  { eos }: DenoisingTokens,
  lengths: ExampleLengths,
): Example {
  return ended({ inputIds: [...tokens], labels: [...tokens] }, lengths, eos);
}

/** What comes after `at` tokens of a text, from the tokens before. */
export function continuation(
  tokens: readonly number[],
  at: number,
  { eos }: DenoisingTokens,
  lengths: ExampleLengths,
): Example {
  const inputIds = tokens.slice(Math.max(0, at - lengths.input + 1), at);
  return ended({ inputIds, labels: tokens.slice(at) }, lengths, eos);
}

/** An example cut to its lengths, both sides with the end-of-sequence token; a target that was cut goes without. */
function ended({ inputIds, labels }: Example, lengths: ExampleLengths, eos: number): Example {
  return {
    inputIds: [...inputIds.slice(0, lengths.input - 1), eos],
    labels: [...labels, eos].slice(0, lengths.target),
  };
}
