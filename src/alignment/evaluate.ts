import type { SelectionRow } from "../corpus";
import type { EvaluatedVariant } from "../evaluation";
import type { BootstrapOptions, Interval } from "../metrics";
import type { ConsistencyDefinition, ConsistencyScore } from "../scorers";
import {
  type AlignmentMetric,
  type Answered,
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
