import { bootstrapInterval, bootstrapMean, type BootstrapOptions, type Interval } from "../metrics";
import { kappaMetric } from "../statistics";
import type { LabelledText } from "./rows";
import { type LabelScorer, likeliest } from "./scorer";

/** One bar of a reliability diagram. */
export interface Reliability {
  /** The probabilities of the likeliest label that fall into it: above `from`, up to `to`. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Their mean, and how often that label is right; NaN where there are none. */
  readonly confidence: number;
  readonly accuracy: number;
}

/** How well a scorer labels texts that it has not seen. */
export interface LabelMeasures {
  readonly labels: readonly string[];
  readonly count: number;
  readonly accuracy: Interval;
  /** Agreement with the labels beyond chance, Cohen's κ: 0 is what the shares of labels give. NaN where all have one label. */
  readonly kappa: Interval;
  /** Rows are the labels that texts have, columns those that the scorer gives: counts. */
  readonly confusion: readonly (readonly number[])[];
  /** Mean −log p(label), in nats. */
  readonly loss: number;
  /** Expected calibration error: Σ over bars of count / n · |accuracy − confidence|. */
  readonly calibrationError: number;
  readonly reliability: readonly Reliability[];
  /** Whether each text's likeliest label is right, in the order of the texts. */
  readonly hits: readonly boolean[];
}

const BARS = 10;

/**
 * Measures a scorer's probabilities against labels.
 *
 * @throws {RangeError} without texts, or if a probability is none
 */
export function measureLabels(
  labels: readonly string[],
  probabilities: readonly (readonly number[])[],
  wanted: readonly number[],
  bootstrap?: BootstrapOptions,
): LabelMeasures {
  if (wanted.length === 0 || probabilities.length !== wanted.length)
    throw new RangeError(`${probabilities.length} predictions for ${wanted.length} labelled texts`);
  const confusion = labels.map(() => labels.map(() => 0));
  const bars = Array.from({ length: BARS }, () => ({ count: 0, confidence: 0, right: 0 }));
  const hits: boolean[] = [];
  let loss = 0;
  probabilities.forEach((row, i) => {
    const found = likeliest(row);
    const label = wanted[i]!;
    confusion[label]![found]!++;
    hits.push(found === label);
    loss -= Math.log(Math.max(row[label]!, Number.MIN_VALUE));
    const bar = bars[Math.min(BARS - 1, Math.max(0, Math.ceil(row[found]! * BARS) - 1))]!;
    bar.count++;
    bar.confidence += row[found]!;
    bar.right += Number(found === label);
  });
  const count = wanted.length;
  const named = (indices: readonly number[]) => indices.map((index) => labels[index]!);
  return {
    labels,
    count,
    accuracy: bootstrapMean(hits.map(Number), bootstrap),
    kappa: bootstrapInterval(kappaMetric(named(wanted), named(probabilities.map(likeliest))), bootstrap),
    confusion,
    loss: loss / count,
    calibrationError: bars.reduce((sum, bar) => sum + Math.abs(bar.right - bar.confidence), 0) / count,
    reliability: bars.map(({ count, confidence, right }, i) => ({
      from: i / BARS,
      to: (i + 1) / BARS,
      count,
      confidence: confidence / count,
      accuracy: right / count,
    })),
    hits,
  };
}

/** Measures a scorer on labelled texts. */
export async function measureScorer(
  scorer: LabelScorer,
  rows: readonly LabelledText[],
  bootstrap?: BootstrapOptions,
): Promise<LabelMeasures> {
  const probabilities = await scorer.probabilities(rows.map(({ text }) => text));
  return measureLabels(
    scorer.labels,
    probabilities,
    rows.map(({ label }) => label),
    bootstrap,
  );
}

/**
 * By how much one scorer is right more often than another on the same texts, with the interval of a paired bootstrap: texts are drawn,
 * each with both answers.
 *
 * @throws {RangeError} if they were not measured on as many texts
 */
export function accuracyDifference(
  a: LabelMeasures,
  b: LabelMeasures,
  bootstrap?: BootstrapOptions,
): Interval {
  if (a.count !== b.count)
    throw new RangeError(`the scorers were measured on ${a.count} and ${b.count} texts: take the same ones`);
  return bootstrapMean(
    a.hits.map((hit, i) => Number(hit) - Number(b.hits[i])),
    bootstrap,
  );
}
