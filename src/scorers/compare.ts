import type { Interval } from "../metrics";
import type { MeasuredCard } from "./card";
import { type Features, featuresOf, featuresOfSecond } from "./logistic/features";
import { fitLogistic, type LogisticOptions } from "./logistic/fit";
import { logisticScorer } from "./logistic/scorer";
import { accuracyDifference, type LabelMeasures, measureScorer } from "./measure";
import type { LabelledText } from "./rows";
import type { LabelScorer, ScoredText } from "./scorer";

/** A scorer's measures with those of baselines, on the same texts. */
export interface Comparison {
  readonly measures: LabelMeasures;
  /** By name; all are fitted to the rows that the scorer was trained on. */
  readonly baselines: Readonly<Record<string, LabelMeasures>>;
  /** By how much it is right more often than each of them: value and 95 % interval, paired. */
  readonly differences: Readonly<Record<string, Interval>>;
}

/** What the logistic baseline is called. */
export const LOGISTIC = "logistic";

/**
 * Measures a scorer beside the commonest label, a logistic model, and, where it reads two texts, one that sees the second alone.
 *
 * @param trained the rows that the scorer was trained on, which the baselines are fitted to
 */
export async function compareWithBaselines(
  scorer: LabelScorer,
  rows: readonly LabelledText[],
  trained: readonly LabelledText[],
  options: LogisticOptions = { seed: 13 },
): Promise<Comparison> {
  const baselines: Record<string, LabelMeasures> = {};
  for (const [name, baseline] of Object.entries(fitBaselines(scorer, trained, options)))
    baselines[name] = await measureScorer(baseline, rows);
  return comparison(await measureScorer(scorer, rows), baselines);
}

/** The baselines of {@link compareWithBaselines}, fitted to rows. */
export function fitBaselines(
  form: Pick<LabelScorer, "name" | "labels" | "reads">,
  trained: readonly LabelledText[],
  options: LogisticOptions,
): Record<string, LabelScorer> {
  const fitted = (features: (text: ScoredText) => Features) => {
    const examples = trained.map(({ text, label }) => ({ features: features(text), label }));
    return logisticScorer(fitLogistic(examples, form.labels.length, options), form, features);
  };
  const { reads } = form;
  return {
    "commonest label": fitted(() => new Map()),
    ...(reads.length === 2 && { [`${reads[1]!} alone`]: fitted(featuresOfSecond) }),
    [LOGISTIC]: fitted(featuresOf),
  };
}

/** Measures beside those of baselines on the same texts. */
export function comparison(
  measures: LabelMeasures,
  baselines: Readonly<Record<string, LabelMeasures>>,
): Comparison {
  const differences = Object.entries(baselines).map(
    ([name, baseline]) => [name, accuracyDifference(measures, baseline)] as const,
  );
  return { measures, baselines, differences: Object.fromEntries(differences) };
}

const digits = (value: number) => Number(value.toFixed(4));

/** A comparison as a card keeps it; of {@link compareFolds} with how many folds there were. */
export function measuredCard(
  data: string,
  { measures, baselines, differences }: Comparison,
  folds?: number,
): MeasuredCard {
  const difference = differences[LOGISTIC];
  const triple = ({ value, low, high }: Interval): [number, number, number] => [
    digits(value),
    digits(low),
    digits(high),
  ];
  return {
    data,
    count: measures.count,
    ...(folds !== undefined && { folds }),
    accuracy: digits(measures.accuracy.value),
    confusion: measures.confusion.map((row) => [...row]),
    calibrationError: digits(measures.calibrationError),
    beside: Object.fromEntries(
      Object.entries(baselines).map(([name, { accuracy }]) => [name, digits(accuracy.value)]),
    ),
    ...(Number.isFinite(measures.kappa.value) && { kappa: triple(measures.kappa) }),
    ...(difference && { moreThanLogistic: triple(difference) }),
  };
}
