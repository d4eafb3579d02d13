import { pairedRandomizationTest, type RandomizationOptions } from "../metrics";
import type { EvaluatedVariant } from "./evaluate";
import { additiveMetrics, type SetMetric } from "./scores";

/**
 * Whether two variants differ on the same cases: the difference a − b of a metric, and the p-value of the paired
 * approximate-randomisation test.
 *
 * @throws Error where the two were not evaluated on the same cases.
 */
export function compareVariants(
  a: EvaluatedVariant,
  b: EvaluatedVariant,
  metric: SetMetric,
  options?: RandomizationOptions,
): { difference: number; pValue: number } {
  if (a.summary.caseSet !== b.summary.caseSet) {
    throw new Error(`${a.summary.variant} and ${b.summary.variant} were not evaluated on the same cases`);
  }
  return pairedRandomizationTest(additiveMetrics(a.cases)[metric], additiveMetrics(b.cases)[metric], options);
}
