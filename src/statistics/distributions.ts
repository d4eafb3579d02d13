import { join } from "node:path";
import { quantileSorted } from "simple-statistics";
import { z } from "zod";
import { type Dialogue, factsOf, splitWords, utterances } from "../corpus";
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

/** Every value of each measure in the dialogues. */
export function corpusDistributions(dialogues: readonly Dialogue[]): Record<CorpusMeasure, number[]> {
  const count = (text: string) => splitWords(text).length;
  return {
    turns: dialogues.map(({ turns }) => turns.length),
    "turn words": dialogues.flatMap(({ turns }) => turns.map(({ text }) => count(text))),
    facts: dialogues.flatMap(({ personas }) => personas.map(({ facts }) => facts.length)),
    "fact words": dialogues.flatMap(({ personas }) => factsOf(personas).map(count)),
    "persona coverage": dialogues.map((one) =>
      personaCoverage(utterances([one]).join("\n"), factsOf(one.personas)),
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
