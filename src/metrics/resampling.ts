import { mean, quantileSorted } from "simple-statistics";
import { Random } from "../random";
import { bleuFromStatistics, type BleuOptions } from "./bleu";

/**
 * A metric over a set of cases that depends on sums only: `rows` holds one vector a case, all of one length, and
 * `value` turns the sum of some cases' vectors and their number into the metric. A mean has one column; corpus BLEU has
 * its ten counts ({@link bleuStatistics}). Resampling then costs additions, never a new look at the texts.
 */
export interface AdditiveMetric {
  rows: readonly ArrayLike<number>[];
  value: (sums: Float64Array, count: number) => number;
}

/** The mean of one number a case. */
export function meanMetric(values: readonly number[]): AdditiveMetric {
  return { rows: values.map((value) => [value]), value: (sums, count) => sums[0]! / count };
}

/** The sum of each case's first number over that of its second; 0 where there is nothing to divide by. */
export function ratioMetric(rows: readonly (readonly [part: number, whole: number])[]): AdditiveMetric {
  return { rows, value: (sums) => (sums[1]! === 0 ? 0 : sums[0]! / sums[1]!) };
}

/** Corpus BLEU (0–100) from the cases' {@link bleuStatistics}. */
export function corpusBleuMetric(
  statistics: readonly ArrayLike<number>[],
  options?: BleuOptions,
): AdditiveMetric {
  return { rows: statistics, value: (sums) => bleuFromStatistics(sums, options).score };
}

/**
 * The difference a − b of a metric between two systems on the same cases in the same order, so that {@link bootstrapInterval} draws
 * both on equal cases: a paired interval.
 *
 * @throws {RangeError} where the systems' cases differ in number
 */
export function differenceMetric(a: AdditiveMetric, b: AdditiveMetric): AdditiveMetric {
  if (a.rows.length !== b.rows.length)
    throw new RangeError(
      `a has ${a.rows.length} cases and b ${b.rows.length}: a difference is of the same ones`,
    );
  const width = a.rows[0]?.length ?? 0;
  return {
    rows: a.rows.map((row, i) => [...Array.from(row), ...Array.from(b.rows[i]!)]),
    value: (sums, count) => a.value(sums.subarray(0, width), count) - b.value(sums.subarray(width), count),
  };
}

export interface BootstrapOptions {
  /**
   * Number of resampled sets.
   * @default 1000
   */
  resamples?: number;
  /**
   * Share of the resampled values inside the interval.
   * @default 0.95
   */
  confidence?: number;
  seed?: number;
}

/** A value and its interval. */
export interface Interval {
  value: number;
  low: number;
  high: number;
}

/**
 * Percentile bootstrap interval (Efron 1979; for BLEU Koehn 2004): as many cases as there are, drawn with replacement,
 * `resamples` times over; the interval holds the middle `confidence` of the values. Same seed, same interval.
 *
 * @throws {RangeError} without cases or resamples
 */
export function bootstrapInterval(
  metric: AdditiveMetric,
  { resamples = 1000, confidence = 0.95, seed = 13 }: BootstrapOptions = {},
): Interval {
  requireResamples(resamples);
  const table = new Table(metric.rows);
  if (table.count === 0) throw new RangeError("bootstrapInterval needs at least one case");
  const random = new Random(seed);
  const sums = new Float64Array(table.width);
  const values = Float64Array.from({ length: resamples }, () => {
    sums.fill(0);
    for (let draw = 0; draw < table.count; draw++) table.addTo(sums, random.integer(table.count), 1);
    return metric.value(sums, table.count);
  }).sort();
  const tail = (1 - confidence) / 2;
  return {
    value: metric.value(table.total(), table.count),
    low: quantileSorted(Array.from(values), tail),
    high: quantileSorted(Array.from(values), 1 - tail),
  };
}

/** @throws {RangeError} for a number of resamples that gives no interval */
export function requireResamples(resamples: number): void {
  if (Number.isInteger(resamples) && resamples > 0) return;
  throw new RangeError(`an interval needs at least one resample (1,000 are usual), not ${resamples}`);
}

/** {@link bootstrapInterval} of the mean of one number a case. */
export function bootstrapMean(values: readonly number[], options?: BootstrapOptions): Interval {
  return { ...bootstrapInterval(meanMetric(values), options), value: mean([...values]) };
}

/** Random assignments of a paired test, unless told. */
export const randomizationTrials = 10_000;

export interface RandomizationOptions {
  /**
   * Number of random assignments.
   * @default 10000
   */
  trials?: number;
  seed?: number;
}

/**
 * Paired approximate randomisation (Noreen 1989; for text metrics Riezler and Maxwell 2005), two-sided: were two
 * systems interchangeable, swapping their results on any case would change nothing, so the observed difference is
 * compared with the differences after swapping each case with probability ½. `pValue` is
 * (trials at least as extreme + 1) / (trials + 1).
 *
 * @param a and
 * @param b the two systems' results on the same cases in the same order.
 * @throws {RangeError} where the systems' cases or columns differ in number, or there are none
 */
export function pairedRandomizationTest(
  a: AdditiveMetric,
  b: AdditiveMetric,
  { trials = randomizationTrials, seed = 13 }: RandomizationOptions = {},
): { difference: number; pValue: number } {
  const [tableA, tableB] = [new Table(a.rows), new Table(b.rows)];
  const { count, width } = tableA;
  if (count !== tableB.count || width !== tableB.width || count === 0) {
    throw new RangeError(
      `pairedRandomizationTest needs results on the same cases: a has ${count} of ${width} columns, b ${tableB.count} of ${tableB.width}`,
    );
  }
  const [totalA, totalB] = [tableA.total(), tableB.total()];
  const difference = a.value(totalA, count) - b.value(totalB, count);
  const extreme = Math.abs(difference) * (1 - 1e-12);
  const random = new Random(seed);
  const [sumsA, sumsB] = [new Float64Array(width), new Float64Array(width)];
  let asExtreme = 0;
  for (let trial = 0; trial < trials; trial++) {
    sumsA.set(totalA);
    sumsB.set(totalB);
    let bits = 0;
    for (let row = 0; row < count; row++) {
      if (row % 32 === 0) bits = random.uint32();
      if ((bits >>> (row % 32)) & 1) {
        tableA.addTo(sumsA, row, -1);
        tableB.addTo(sumsA, row, 1);
        tableB.addTo(sumsB, row, -1);
        tableA.addTo(sumsB, row, 1);
      }
    }
    if (Math.abs(a.value(sumsA, count) - b.value(sumsB, count)) >= extreme) asExtreme++;
  }
  return { difference, pValue: (asExtreme + 1) / (trials + 1) };
}

/** Rows of equal length in one block. */
class Table {
  readonly count: number;
  readonly width: number;
  private readonly cells: Float64Array;

  constructor(rows: readonly ArrayLike<number>[]) {
    this.count = rows.length;
    this.width = rows[0]?.length ?? 0;
    this.cells = new Float64Array(this.count * this.width);
    rows.forEach((row, i) => {
      if (row.length !== this.width)
        throw new RangeError(`case ${i} has ${row.length} columns, not ${this.width}`);
      this.cells.set(row, i * this.width);
    });
  }

  addTo(sums: Float64Array, row: number, factor: 1 | -1): void {
    const start = row * this.width;
    for (let column = 0; column < this.width; column++) sums[column]! += factor * this.cells[start + column]!;
  }

  total(): Float64Array {
    const sums = new Float64Array(this.width);
    for (let row = 0; row < this.count; row++) this.addTo(sums, row, 1);
    return sums;
  }
}
