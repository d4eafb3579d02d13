import { join } from "node:path";
import { quantileSorted } from "simple-statistics";
import { z } from "zod";
import { type Conversation, splitWords, utterances } from "../corpus";
import { readJson } from "../io";
import { personaCoverage } from "../metrics";

/** What two corpora are compared by. */
export const corpusMeasures = {
  turns: "turns a conversation",
  "turn words": "words a turn",
  facts: "facts a persona",
  "fact words": "words a fact",
  "persona coverage": "share of the personas' words that the conversation uses",
} as const;
export type CorpusMeasure = keyof typeof corpusMeasures;

/** Every value of each measure in the conversations. */
export function corpusDistributions(conversations: readonly Conversation[]): Record<CorpusMeasure, number[]> {
  const count = (text: string) => splitWords(text).length;
  return {
    turns: conversations.map(({ turns }) => turns.length),
    "turn words": conversations.flatMap(({ turns }) => turns.map(({ text }) => count(text))),
    facts: conversations.flatMap(({ personas }) => personas.map((facts) => facts.length)),
    "fact words": conversations.flatMap(({ personas }) => personas.flat().map(count)),
    "persona coverage": conversations.map((one) =>
      personaCoverage(utterances([one]).join("\n"), one.personas.flat()),
    ),
  };
}

/** The quantiles at 0, 1, …, 100 percent: a distribution in 101 numbers. */
export function percentiles(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return Array.from({ length: 101 }, (_, percent) => quantileSorted(sorted, percent / 100));
}

const reference = z.object({
  corpus: z.string(),
  licence: z.string(),
  files: z.array(z.object({ file: z.string(), sha256: z.string() })),
  conversations: z.number(),
  percentiles: z.record(
    z.enum(Object.keys(corpusMeasures) as CorpusMeasure[]),
    z.array(z.number()).length(101),
  ),
});
export type ReferenceDistributions = z.infer<typeof reference>;

/** Where the distributions of Synthetic-Persona-Chat lie, so that they can be shown without the corpus itself. */
export const referenceDistributionsPath = join(__dirname, "../../data/spc-percentiles.json");

/** The distributions of Synthetic-Persona-Chat's official splits, as `scripts/spc-percentiles.ts` wrote them. */
export function readReferenceDistributions(path = referenceDistributionsPath): ReferenceDistributions {
  const parsed = reference.safeParse(readJson(path));
  if (!parsed.success)
    throw new Error(`${path}: not a file of distributions: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
