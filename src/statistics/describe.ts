import { max, mean, min, quantileSorted, standardDeviation } from "simple-statistics";

/** Five numbers and two more about a sample: a row of a table. */
export interface Description {
  n: number;
  mean: number;
  /** Standard deviation, of the sample as a whole (divided by n). */
  sd: number;
  min: number;
  p5: number;
  p25: number;
  median: number;
  p75: number;
  p95: number;
  p99: number;
  max: number;
}

/** Describes a sample of numbers (by simple-statistics); all but `n` are NaN for an empty one. */
export function describeValues(values: readonly number[]): Description {
  const sorted = [...values].sort((a, b) => a - b);
  const of = (measure: (sample: number[]) => number) => (sorted.length === 0 ? NaN : measure(sorted));
  const at = (share: number) => of((sample) => quantileSorted(sample, share));
  return {
    n: sorted.length,
    mean: of(mean),
    sd: of(standardDeviation),
    min: of(min),
    p5: at(0.05),
    p25: at(0.25),
    median: at(0.5),
    p75: at(0.75),
    p95: at(0.95),
    p99: at(0.99),
    max: of(max),
  };
}

/** A row for each named sample, as {@link describeValues} describes it. */
export function describeAll(
  samples: Readonly<Record<string, readonly number[]>>,
): ({ what: string } & Description)[] {
  return Object.entries(samples).map(([what, values]) => ({ what, ...describeValues(values) }));
}
