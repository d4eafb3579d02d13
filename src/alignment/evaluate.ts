import type { Selection, SelectionRow } from "../corpus";
import type { EvaluatedVariant } from "../evaluation";
import type { BootstrapOptions, Interval } from "../metrics";
import type { ConsistencyDefinition, ConsistencyScore } from "../scorers";
import { isSelectedRight } from "./plan";
import {
  type AlignmentComparison,
  type AlignmentMetric,
  type Answered,
  compareAnswers,
  type Consistency,
  correctedConsistency,
  labelFacts,
  type NamedScores,
  scoreAnswers,
  scoreIntervals,
} from "./scores";

/** Answers with a name. */
export interface NamedAnswers {
  readonly name: string;
  readonly answered: readonly Answered[];
}

/** Answers with all of their scores. */
export interface ScoredVariant extends NamedAnswers, NamedScores {
  /** Values with intervals that draw dialogues. */
  readonly intervals: Partial<Record<AlignmentMetric, Interval>>;
  /** Both C.scores, as the scorer labels and with its errors taken out; undefined where no persona has facts. */
  readonly consistency: Record<ConsistencyDefinition, ConsistencyScore> | undefined;
}

/** What evaluated variants answered to rows, which are those that they were asked. */
export const answersOf = (
  evaluated: readonly EvaluatedVariant[],
  rows: readonly SelectionRow[],
): NamedAnswers[] =>
  evaluated.map(({ summary, cases }) => ({
    name: summary.variant,
    answered: cases.map(({ output, likelihood }, i) => ({
      row: rows[i]!,
      answer: output,
      ...(likelihood && { likelihood }),
    })),
  }));

/** Scores sets of answers, each by itself. */
export async function scoreVariants(
  named: readonly NamedAnswers[],
  consistency: Consistency,
  options: BootstrapOptions = {},
): Promise<ScoredVariant[]> {
  const scored: ScoredVariant[] = [];
  for (const { name, answered } of named) {
    const labelled = await labelFacts(consistency, answered);
    const scores = scoreAnswers(answered, consistency, labelled);
    const hasFacts = labelled.some((facts) => facts.length > 0);
    scored.push({
      ...{ name, answered, scores, intervals: scoreIntervals(scores, options) },
      consistency: hasFacts ? correctedConsistency(consistency, labelled, options) : undefined,
    });
  }
  return scored;
}

/** The answers to some of the rows. */
export const answersTo = (
  named: readonly NamedAnswers[],
  keep: (row: SelectionRow) => boolean,
): NamedAnswers[] =>
  named.map(({ name, answered }) => ({ name, answered: answered.filter(({ row }) => keep(row)) }));

/** A line of {@link selectionPrice}. */
export type SelectionPrice = AlignmentComparison & { selection: "right" | "wrong"; rows: number };

/**
 * What selections bring and cost: answers with the selected fact against those without any pointed out, and against those with the
 * label's, by whether the selection was the label. A part without rows has no lines.
 */
export async function selectionPrice(
  { predicted, none, gold }: Record<"predicted" | "none" | "gold", NamedAnswers>,
  selected: ReadonlyMap<string, Selection>,
  consistency: Consistency,
  metrics: readonly AlignmentMetric[],
  options: BootstrapOptions = {},
): Promise<SelectionPrice[]> {
  const found: SelectionPrice[] = [];
  for (const selection of ["right", "wrong"] as const) {
    const keep = isSelectedRight(selected, selection === "right");
    const rows = predicted.answered.filter(({ row }) => keep(row)).length;
    if (rows === 0) continue;
    const [own, without, withLabel] = await scoreVariants(
      answersTo([predicted, none, gold], keep),
      consistency,
      options,
    );
    const pairs = [[own!, without!] as const, [own!, withLabel!] as const];
    found.push(...compareAnswers(pairs, metrics, options).map((row) => ({ selection, rows, ...row })));
  }
  return found;
}
