import { mean, quantileSorted } from "simple-statistics";
import type { CaseMetric, EvaluatedVariant } from "../evaluation";
import { holm, type Interval, meanMetric, pairedRandomizationTest, requireResamples } from "../metrics";
import { Random } from "../random";

/** How much one way of doing things scores above another, over several seeds. */
export interface Effect extends Interval {
  /** Two-sided, of the paired randomisation test over conversations, each with its mean over the seeds. */
  readonly pValue: number;
  /** The difference for each seed by itself; empty where the two sides have different numbers of seeds. */
  readonly bySeed: readonly number[];
}

export interface EffectOptions {
  /**
   * Of the resampling.
   * @default 13
   */
  readonly seed?: number;
  readonly resamples?: number;
  readonly confidence?: number;
}

/**
 * The mean difference a − b of a metric between two variants that were evaluated on the same cases. The interval is a
 * two-level percentile bootstrap: seeds are drawn with replacement, and conversations with replacement, so that it speaks of
 * other seeds and other conversations. Few seeds are a rough sample of all; with one seed it speaks of conversations alone.
 *
 * @param a one evaluation a seed
 * @param b the same seeds in the same order, which are then drawn in pairs; or another number of seeds, of which each side
 *   draws its own: one for a base model or a bound, which has none
 * @throws {Error} where a side is empty, or cases differ
 */
export function effect(
  a: readonly EvaluatedVariant[],
  b: readonly EvaluatedVariant[],
  metric: CaseMetric,
  options: EffectOptions = {},
): Effect {
  if (a.length === 0 || b.length === 0)
    throw new Error(`effect needs the same seeds on both sides, not ${a.length} and ${b.length}`);
  const caseSet = a[0]!.summary.caseSet;
  const other = [...a, ...b].find(({ summary }) => summary.caseSet !== caseSet);
  if (other) {
    const names = `${a[0]!.summary.variant} and ${other.summary.variant}`;
    throw new Error(`${names} were not evaluated on the same cases`);
  }
  const [ofA, ofB] = [caseScores(a, metric), caseScores(b, metric)];
  const { pValue } = pairedRandomizationTest(overSeeds(ofA), overSeeds(ofB), { seed: options.seed });
  if (a.length !== b.length) return { ...twoLevelBootstrap([ofA, ofB], options), pValue, bySeed: [] };
  const differences = ofA.map((values, s) => values.map((value, i) => value - ofB[s]![i]!));
  return {
    ...twoLevelBootstrap([differences], options),
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
  return twoLevelBootstrap([caseScores(variants, metric)], options);
}

/** One row a seed, one column a case. */
function caseScores(variants: readonly EvaluatedVariant[], metric: CaseMetric): number[][] {
  return variants.map(({ cases }) => cases.map(({ metrics }) => metrics[metric]));
}

type SeedsByCases = readonly (readonly number[])[];

/**
 * The mean of a table of seeds by cases, less that of a second one of the same cases if there is one, and the percentile
 * interval of resampling seeds and cases.
 */
function twoLevelBootstrap(
  [table, minus]: readonly [SeedsByCases, SeedsByCases?],
  { seed = 13, resamples = 1000, confidence = 0.95 }: EffectOptions,
): Interval {
  requireResamples(resamples);
  const cases = table[0]!.length;
  const random = new Random(seed);
  const resampledMean = (rows: SeedsByCases, times: Float64Array) => {
    let sum = 0;
    for (let s = 0; s < rows.length; s++) {
      const chosen = rows[random.integer(rows.length)]!;
      for (let i = 0; i < cases; i++) sum += times[i]! * chosen[i]!;
    }
    return sum / (rows.length * cases);
  };
  const drawn = Array.from({ length: resamples }, () => {
    const times = new Float64Array(cases);
    for (let i = 0; i < cases; i++) times[random.integer(cases)]!++;
    return resampledMean(table, times) - (minus ? resampledMean(minus, times) : 0);
  }).sort((x, y) => x - y);
  const tail = (1 - confidence) / 2;
  const meanOf = (rows: SeedsByCases) => mean(rows.map((values) => mean([...values])));
  const value = meanOf(table) - (minus ? meanOf(minus) : 0);
  return { value, low: quantileSorted(drawn, tail), high: quantileSorted(drawn, 1 - tail) };
}

/** Each case's mean over the seeds. */
function overSeeds(scores: readonly (readonly number[])[]) {
  return meanMetric(
    scores[0]!.map((_, i) => scores.reduce((sum, values) => sum + values[i]!, 0) / scores.length),
  );
}

/** One way of doing things, evaluated once for each seed that it was trained with. */
export interface SeededVariant {
  readonly name: string;
  readonly bySeed: readonly EvaluatedVariant[];
}

/** A line of {@link effectRows}. */
export type EffectRow = {
  "a − b": string;
  metric: CaseMetric;
  difference: number;
  low: number;
  high: number;
  /** Of this comparison alone. */
  pValue: number;
  /** Holm's, for all comparisons of the table together. */
  adjustedPValue: number;
  /** The difference of each seed by itself. */
  bySeed: string;
  verdict: "a is higher" | "a is lower" | "no difference shown";
};

/** Whether a difference is shown: its interval is without 0 *and* its adjusted p-value is below `level`. */
export function isShown(
  { low, high }: Pick<Interval, "low" | "high">,
  adjusted: number,
  level: number,
): boolean {
  return (low > 0 || high < 0) && adjusted < level;
}

/**
 * Several {@link effect}s in words: whether each difference {@link isShown} at the level 1 − `confidence`, its p-value
 * adjusted by {@link holm} for the number of comparisons.
 */
export function effectRows(
  pairs: readonly (readonly [a: SeededVariant, b: SeededVariant])[],
  metrics: readonly CaseMetric[],
  options: EffectOptions = {},
): EffectRow[] {
  const effects = pairs.flatMap(([a, b]) =>
    metrics.map((metric) => ({
      name: `${a.name} − ${b.name}`,
      metric,
      ...effect(a.bySeed, b.bySeed, metric, options),
    })),
  );
  const adjusted = holm(effects.map(({ pValue }) => pValue));
  const level = 1 - (options.confidence ?? 0.95);
  return effects.map(({ name, metric, value, low, high, pValue, bySeed }, i) => {
    const shown = isShown({ low, high }, adjusted[i]!, level);
    return {
      "a − b": name,
      metric,
      difference: value,
      low,
      high,
      pValue,
      adjustedPValue: adjusted[i]!,
      bySeed: bySeed.map((one) => one.toFixed(3)).join(", "),
      verdict: !shown ? "no difference shown" : value > 0 ? "a is higher" : "a is lower",
    };
  });
}

/** Rows for a table of seeded variants: each cell the mean over seeds and cases with its interval; a single value has none. */
export function seededRows(
  variants: readonly SeededVariant[],
  metrics: readonly CaseMetric[],
  options: EffectOptions = {},
): Record<string, string>[] {
  return variants.map(({ name, bySeed }) => ({
    variant: name,
    ...Object.fromEntries(
      metrics.map((metric) => {
        const { value, low, high } = meanOverSeeds(bySeed, metric, options);
        const digits = metric === "outputTokens" ? 1 : 3;
        const single = bySeed.length === 1 && bySeed[0]!.cases.length === 1;
        const interval = single ? "" : ` [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
        return [metric, value.toFixed(digits) + interval];
      }),
    ),
  }));
}
