import { mean, quantileSorted } from "simple-statistics";
import type { CaseMetric, EvaluatedVariant } from "../evaluation";
import { type Interval, meanMetric, pairedRandomizationTest } from "../metrics";
import { Random } from "../random";

/** How much one way of doing things scores above another, over several seeds. */
export interface Effect extends Interval {
  /** Two-sided, of the paired randomisation test over conversations, each with its mean over the seeds. */
  readonly pValue: number;
  /** The difference for each seed by itself. */
  readonly bySeed: readonly number[];
}

export interface EffectOptions {
  /** Of the resampling; 13 unless told. */
  readonly seed?: number;
  readonly resamples?: number;
  readonly confidence?: number;
}

/**
 * The mean difference a − b of a metric between two variants, each trained with the same seeds and evaluated on the same
 * cases. The interval is a two-level percentile bootstrap: seeds are drawn with replacement, and conversations with
 * replacement, so that it speaks of other seeds and other conversations. Few seeds are a rough sample of all; with one seed
 * it speaks of conversations alone.
 *
 * @param a one evaluation a seed
 * @param b the same seeds in the same order
 * @throws Error where seeds or cases differ
 */
export function effect(
  a: readonly EvaluatedVariant[],
  b: readonly EvaluatedVariant[],
  metric: CaseMetric,
  options: EffectOptions = {},
): Effect {
  if (a.length === 0 || a.length !== b.length)
    throw new Error(`effect needs the same seeds on both sides, not ${a.length} and ${b.length}`);
  const caseSet = a[0]!.summary.caseSet;
  const other = [...a, ...b].find(({ summary }) => summary.caseSet !== caseSet);
  if (other) {
    const names = `${a[0]!.summary.variant} and ${other.summary.variant}`;
    throw new Error(`${names} were not evaluated on the same cases`);
  }
  const [ofA, ofB] = [caseScores(a, metric), caseScores(b, metric)];
  const differences = ofA.map((values, s) => values.map((value, i) => value - ofB[s]![i]!));
  const { pValue } = pairedRandomizationTest(overSeeds(ofA), overSeeds(ofB), { seed: options.seed });
  return {
    ...twoLevelBootstrap(differences, options),
    pValue,
    bySeed: differences.map((values) => mean(values)),
  };
}

/**
 * A metric's mean over seeds and cases, with the two-level bootstrap interval of {@link effect}.
 *
 * @param variants one evaluation a seed, on the same cases
 */
export function meanOverSeeds(
  variants: readonly EvaluatedVariant[],
  metric: CaseMetric,
  options: EffectOptions = {},
): Interval {
  return twoLevelBootstrap(caseScores(variants, metric), options);
}

/** One row a seed, one column a case. */
function caseScores(variants: readonly EvaluatedVariant[], metric: CaseMetric): number[][] {
  return variants.map(({ cases }) => cases.map(({ metrics }) => metrics[metric]));
}

/** The mean of a table of seeds by cases, and the percentile interval of resampling both. */
function twoLevelBootstrap(
  table: readonly (readonly number[])[],
  { seed = 13, resamples = 1000, confidence = 0.95 }: EffectOptions,
): Interval {
  const [seeds, cases] = [table.length, table[0]!.length];
  const random = new Random(seed);
  const drawn = Array.from({ length: resamples }, () => {
    const times = new Float64Array(cases);
    for (let i = 0; i < cases; i++) times[random.integer(cases)]!++;
    let sum = 0;
    for (let s = 0; s < seeds; s++) {
      const chosen = table[random.integer(seeds)]!;
      for (let i = 0; i < cases; i++) sum += times[i]! * chosen[i]!;
    }
    return sum / (seeds * cases);
  }).sort((x, y) => x - y);
  const tail = (1 - confidence) / 2;
  const value = mean(table.map((values) => mean([...values])));
  return { value, low: quantileSorted(drawn, tail), high: quantileSorted(drawn, 1 - tail) };
}

/** Each case's mean over the seeds. */
function overSeeds(scores: readonly (readonly number[])[]) {
  return meanMetric(
    scores[0]!.map((_, i) => scores.reduce((sum, values) => sum + values[i]!, 0) / scores.length),
  );
}

/**
 * Holm's step-down adjustment (Holm 1979) of the p-values of several tests: as many small ones come by chance alone, the
 * smallest is multiplied by their number, the next by one less, and so on, none falling below the one before.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = new Array<number>(pValues.length);
  let least = 0;
  order.forEach((at, rank) => {
    least = Math.max(least, Math.min(1, pValues[at]! * (pValues.length - rank)));
    adjusted[at] = least;
  });
  return adjusted;
}
