import { sampleCorrelation } from "simple-statistics";

/** Pearson's correlation of two measures as words: `Correlation 0.31`, or why there is none. */
export function correlationText(x: readonly number[], y: readonly number[]): string {
  if (x.length < 2) return `No correlation: ${x.length === 1 ? "a single value has" : "no values have"} none`;
  const value = sampleCorrelation([...x], [...y]);
  return Number.isFinite(value)
    ? `Correlation ${value.toFixed(2)}`
    : "No correlation: one of the two is always the same";
}
