import type { Random } from "../../random";
import type { Example } from "../../training";
import type { Document } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { Words } from "../words";
import { continuation } from "./continuation";
import { copying } from "./copying";
import type { ExampleLengths } from "./example";
import { ownedSentencesExample } from "./owned-sentences";
import { spanCorruption } from "./span-corruption";
import { wholeTextDenoising } from "./whole-text-denoising";

/** Tasks of long inputs, and of short ones: every second batch has these, every other one those. One named twice is asked twice as often. */
export const seq2seqTasks = {
  long: ["continuation", "span corruption"],
  short: ["owned sentences", "whole-text denoising", "owned sentences"],
} as const;
export type BatchLength = keyof typeof seq2seqTasks;
export const seq2seqLengths: Readonly<Record<BatchLength, ExampleLengths>> = {
  long: { input: 256, target: 128 },
  short: { input: 128, target: 128 },
};
/** How much of an input a text may fill that is to be corrupted: with its sentinels it is no longer than the input. */
const CORRUPTED = 7 / 8;

/** What is asked of a T5, with the copying that a run may begin with. */
export type Seq2SeqTask = (typeof seq2seqTasks)[BatchLength][number] | "copying";
export const allSeq2SeqTasks: readonly Seq2SeqTask[] = [
  "copying",
  ...new Set([...seq2seqTasks.long, ...seq2seqTasks.short]),
];

export const lengthOf = (task: Seq2SeqTask): BatchLength =>
  (seq2seqTasks.long as readonly string[]).includes(task) ? "long" : "short";

/** What examples are made of. */
export interface Seq2SeqMaterial {
  readonly documents: readonly Document[];
  readonly words: Words;
  readonly special: PretrainingTokens;
  readonly lengths: Readonly<Record<BatchLength, ExampleLengths>>;
}

/**
 * One example of a dialogue: its continuation from one of its turns on (from the first: a dialogue out of nothing), or a
 * part to copy or to restore in one of several ways. A part starts with a turn, half the time with the first.
 */
export function seq2seqExample(
  document: Document,
  task: Seq2SeqTask,
  { documents, words, special, lengths: allLengths }: Seq2SeqMaterial,
  random: Random,
): Example {
  const lengths = allLengths[lengthOf(task)];
  const { tokens } = document;
  const starts = document.turns.map(({ start }) => start);
  const pick = <T>(from: readonly T[]) => from[random.integer(from.length)]!;
  if (task === "continuation") return continuation(tokens, pick(starts), special, lengths);
  const room = task === "span corruption" ? Math.floor(CORRUPTED * lengths.input) : lengths.target - 1;
  const full = starts.filter((start) => start + room <= tokens.length);
  const start = full.length > 0 && random.uniform() < 0.5 ? pick(full) : 0;
  const part = { start, end: Math.min(start + room, tokens.length) };
  const text = tokens.slice(part.start, part.end);
  switch (task) {
    case "copying":
      return copying(text, special, lengths);
    case "span corruption":
      return spanCorruption(text, special, lengths, random);
    case "whole-text denoising":
      return wholeTextDenoising(text, special, lengths, random);
    case "owned sentences":
      return ownedSentencesExample(document, part, pick(documents), words, special, lengths, random);
  }
}
