import { holm, pairedRandomizationTest, type RandomizationOptions } from "../metrics";
import type { EvaluatedVariant } from "./evaluate";
import { additiveMetric, type Metric } from "./scores";

/**
 * Whether two variants differ on the same cases: the difference a − b of a metric, and the p-value of the paired
 * approximate-randomisation test.
 *
 * @throws {Error} where the two were not evaluated on the same cases
 */
export function compareVariants(
  a: EvaluatedVariant,
  b: EvaluatedVariant,
  metric: Metric,
  options?: RandomizationOptions,
): { difference: number; pValue: number } {
  if (a.summary.caseSet !== b.summary.caseSet) {
    throw new Error(`${a.summary.variant} and ${b.summary.variant} were not evaluated on the same cases`);
  }
  return pairedRandomizationTest(additiveMetric(a.cases, metric), additiveMetric(b.cases, metric), options);
}

/** A line of {@link comparisonRows}. */
export type ComparisonRow = {
  "a − b": string;
  metric: Metric;
  difference: number;
  /** Of this comparison alone. */
  pValue: number;
  /** Holm's, for all comparisons of the table together. */
  adjustedPValue: number;
  verdict: "a is higher" | "a is lower" | "no difference shown";
};

/**
 * Several comparisons in words. Of twenty comparisons of equal variants one has p < 0.05 by chance, so a verdict takes
 * {@link holm}'s adjusted p-values.
 */
export function comparisonRows(
  pairs: readonly (readonly [a: EvaluatedVariant, b: EvaluatedVariant])[],
  metrics: readonly Metric[],
  { level = 0.05, ...options }: RandomizationOptions & { level?: number } = {},
): ComparisonRow[] {
  const compared = pairs.flatMap(([a, b]) =>
    metrics.map((metric) => ({
      "a − b": `${a.summary.variant} − ${b.summary.variant}`,
      metric,
      ...compareVariants(a, b, metric, options),
    })),
  );
  const adjusted = holm(compared.map(({ pValue }) => pValue));
  return compared.map((row, i) => {
    const adjustedPValue = adjusted[i]!;
    const differs = row.difference > 0 ? "a is higher" : "a is lower";
    return { ...row, adjustedPValue, verdict: adjustedPValue < level ? differs : "no difference shown" };
  });
}
