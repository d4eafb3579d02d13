import { additiveMetrics, type EvaluatedVariant, scoreCase, type SetMetric, setMetrics } from "../evaluation";
import { bootstrapInterval, type BootstrapOptions, type Interval } from "../metrics";
import { cutToTokens } from "../text";

/** Scores of a variant's answers cut to `length` words. */
export interface ScoresAtLength {
  length: number;
  metrics: Record<SetMetric, Interval>;
}

/** How every score of a variant moves when its answers are cut to 16, 32, … words ({@link cutToTokens}). */
export function scoresByLength(
  { cases }: EvaluatedVariant,
  lengths: readonly number[],
  bootstrap: BootstrapOptions = {},
): ScoresAtLength[] {
  return lengths.map((length) => {
    const cut = cases.map((one) => {
      const shorter = { ...one, output: cutToTokens(one.output, length) };
      return { ...shorter, metrics: scoreCase(shorter) };
    });
    const metrics = additiveMetrics(cut);
    const intervals = setMetrics.map((name) => [name, bootstrapInterval(metrics[name], bootstrap)] as const);
    return { length, metrics: Object.fromEntries(intervals) as Record<SetMetric, Interval> };
  });
}
