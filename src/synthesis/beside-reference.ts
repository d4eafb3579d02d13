import type { Dialogue } from "../corpus";
import {
  corpusDistributions,
  type CorpusMeasure,
  corpusMeasures,
  percentiles,
  readReferenceDistributions,
} from "../statistics";

const REFERENCE = "Synthetic-Persona-Chat";

/**
 * What corpora are compared by, a row a measure: the median and, in brackets, the 5th and the 95th percentile, of each set of dialogues
 * and of Synthetic-Persona-Chat's official splits, whose percentiles come with the project.
 */
export function besideReference(
  sets: Readonly<Record<string, readonly Dialogue[]>>,
): Record<string, string>[] {
  const { percentiles: reference } = readReferenceDistributions();
  const found = Object.entries(sets).map(
    ([name, dialogues]) => [name, corpusDistributions(dialogues)] as const,
  );
  return (Object.keys(corpusMeasures) as CorpusMeasure[]).map((measure) => ({
    measure: corpusMeasures[measure],
    ...Object.fromEntries(
      found.map(([name, values]) => [
        name,
        values[measure].length === 0 ? "–" : shown(percentiles(values[measure])),
      ]),
    ),
    [REFERENCE]: shown(reference[measure]!),
  }));
}

const shown = (at: readonly number[]) => `${number(at[50]!)} [${number(at[5]!)}, ${number(at[95]!)}]`;
const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(2));
