import { quantileSorted } from "simple-statistics";
import { additiveMetric, type EvaluatedVariant, factsCounted, type Metric, scoreText } from "../evaluation";
import {
  type AdditiveMetric,
  holm,
  type Interval,
  pairedRandomizationTest,
  requireResamples,
} from "../metrics";
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
 * The difference a − b of a metric between two variants that were evaluated on the same cases, each side over all its cases and
 * seeds. The interval is a
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
  metric: Metric,
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
  const [ofA, ofB] = [seedTable(a, metric), seedTable(b, metric)];
  const { pValue } = pairedRandomizationTest(overSeeds(ofA), overSeeds(ofB), { seed: options.seed });
  const paired = a.length === b.length;
  const bySeed = paired ? ofA.map((one, s) => valueOver([one]) - valueOver([ofB[s]!])) : [];
  return { ...twoLevelBootstrap([ofA, ofB], options), pValue, bySeed };
}

/**
 * A metric over seeds and cases, with the two-level bootstrap interval of {@link effect}.
 *
 * @param variants one evaluation a seed, on the same cases
 */
export function meanOverSeeds(
  variants: readonly EvaluatedVariant[],
  metric: Metric,
  options: EffectOptions = {},
): Interval {
  return twoLevelBootstrap([seedTable(variants, metric)], options);
}

/** A metric of the same cases, one evaluation a seed. */
type SeedTable = readonly AdditiveMetric[];

function seedTable(variants: readonly EvaluatedVariant[], metric: Metric): SeedTable {
  return variants.map(({ cases }) => additiveMetric(cases, metric));
}

/** The metric over all rows of some seeds, each row as often as `times` says; once unless it does. */
function valueOver(table: SeedTable, times?: ArrayLike<number>): number {
  const [{ rows: first, value }] = table as [AdditiveMetric];
  const width = first[0]!.length;
  const sums = new Float64Array(width);
  for (const { rows } of table) {
    for (let i = 0; i < rows.length; i++) {
      const often = times ? times[i]! : 1;
      if (often === 0) continue;
      const row = rows[i]!;
      for (let column = 0; column < width; column++) sums[column]! += often * row[column]!;
    }
  }
  return value(sums, table.length * first.length);
}

/**
 * A metric over a table of seeds by cases, less that over a second one of the same cases if there is one, and the percentile
 * interval of resampling seeds and cases. Seeds of two tables are drawn in pairs where both have as many.
 */
function twoLevelBootstrap(
  [table, minus]: readonly [SeedTable, SeedTable?],
  { seed = 13, resamples = 1000, confidence = 0.95 }: EffectOptions,
): Interval {
  requireResamples(resamples);
  const cases = table[0]!.rows.length;
  const random = new Random(seed);
  const draw = ({ length }: SeedTable) => Array.from({ length }, () => random.integer(length));
  const chosen = (from: SeedTable, seeds: readonly number[]) => seeds.map((s) => from[s]!);
  const drawn = Array.from({ length: resamples }, () => {
    const times = new Float64Array(cases);
    for (let i = 0; i < cases; i++) times[random.integer(cases)]!++;
    const seeds = draw(table);
    const value = valueOver(chosen(table, seeds), times);
    if (!minus) return value;
    const others = minus.length === table.length ? seeds : draw(minus);
    return value - valueOver(chosen(minus, others), times);
  }).sort((x, y) => x - y);
  const tail = (1 - confidence) / 2;
  const value = valueOver(table) - (minus ? valueOver(minus) : 0);
  return { value, low: quantileSorted(drawn, tail), high: quantileSorted(drawn, 1 - tail) };
}

/** Each case's row as its mean over the seeds. */
function overSeeds(table: SeedTable): AdditiveMetric {
  const [{ rows, value }] = table as [AdditiveMetric];
  return {
    rows: rows.map((row, i) =>
      Array.from(
        row,
        (_, column) => table.reduce((sum, one) => sum + one.rows[i]![column]!, 0) / table.length,
      ),
    ),
    value,
  };
}

/** One way of doing things, evaluated once for each seed that it was trained with. */
export interface SeededVariant {
  readonly name: string;
  readonly bySeed: readonly EvaluatedVariant[];
}

/** A line of {@link effectRows}. */
export type EffectRow = {
  "a − b": string;
  metric: Metric;
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
  metrics: readonly Metric[],
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

/**
 * Rows for a table of seeded variants: each cell a value over seeds and cases with its interval, of ownership with the number of
 * facts counted; a single value has no interval.
 */
export function seededRows(
  variants: readonly SeededVariant[],
  metrics: readonly Metric[],
  options: EffectOptions = {},
): Record<string, string>[] {
  return variants.map(({ name, bySeed }) => ({
    variant: name,
    ...Object.fromEntries(
      metrics.map((metric) => {
        const score = meanOverSeeds(bySeed, metric, options);
        const cases = bySeed.flatMap((one) => one.cases);
        return [metric, scoreText(metric, score, cases.length, () => factsCounted(cases))];
      }),
    ),
  }));
}
