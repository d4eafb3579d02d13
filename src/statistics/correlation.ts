import type { AdditiveMetric } from "../metrics";
import { sampleCorrelation } from "simple-statistics";

/** Pearson's correlation of two measures as words: `Correlation 0.31`, or why there is none. */
export function correlationText(x: readonly number[], y: readonly number[]): string {
  if (x.length < 2) return `No correlation: ${x.length === 1 ? "a single value has" : "no values have"} none`;
  const value = sampleCorrelation([...x], [...y]);
  return Number.isFinite(value)
    ? `Correlation ${value.toFixed(2)}`
    : "No correlation: one of the two is always the same";
}

/**
 * Pearson's correlation of two measures of the same things for `bootstrapInterval`, from sums alone; 0 where one of the two is always
 * the same.
 *
 * @throws {RangeError} if the measures are not of the same number of things
 */
export function correlationMetric(x: readonly number[], y: readonly number[]): AdditiveMetric {
  if (x.length !== y.length)
    throw new RangeError(
      `a correlation is of two measures of the same things: there are ${x.length} and ${y.length}`,
    );
  return {
    rows: x.map((value, i) => [value, y[i]!, value * value, y[i]! * y[i]!, value * y[i]!]),
    value(sums, count) {
      const [ofX, ofY, squaresX, squaresY, products] = sums as unknown as [
        number,
        number,
        number,
        number,
        number,
      ];
      const spread = (squaresX - (ofX * ofX) / count) * (squaresY - (ofY * ofY) / count);
      return spread <= 1e-12 ? 0 : (products - (ofX * ofY) / count) / Math.sqrt(spread);
    },
  };
}
