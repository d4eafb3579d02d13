import type { Selection, SelectionRow } from "../corpus";
import { type AdditiveMetric, bootstrapInterval, type BootstrapOptions, type Interval } from "../metrics";
import { byDialogue } from "./clusters";

export type AgreementOptions = BootstrapOptions;

/** How selections agree with labels; intervals draw dialogues. */
export interface Agreement {
  readonly rows: number;
  /** The share of rows whose selection is the label. */
  readonly accuracy: Interval;
  /** Beyond chance; see {@link agreement}. */
  readonly kappa: Interval;
  /** Of the rows whose selection is none, the share whose label is; 0 where none is selected. */
  readonly nonePrecision: Interval;
  /** Of the rows whose label is none, the share whose selection is; 0 where there are no such rows. */
  readonly noneRecall: Interval;
}

/**
 * How selections agree with the labels of rows. A fact's place means nothing beyond its row, so chance is that of two readers who say
 * "none" as often as each does, and otherwise point at a fact of the row blindly:
 *
 *     p_e = P_a(none) P_b(none) + (1 − P_a(none)) (1 − P_b(none)) · mean of 1 / number of facts
 *     κ   = (p_o − p_e) / (1 − p_e)
 *
 * @throws {RangeError} if a row has no label, or there are none
 */
export function agreement(
  rows: readonly SelectionRow[],
  selected: readonly Selection[],
  options: AgreementOptions = {},
): Agreement {
  if (rows.length !== selected.length)
    throw new RangeError(`${selected.length} selections were made for ${rows.length} rows`);
  const counts = rows.map(({ id, label, persona }, i) => {
    if (label === undefined) throw new RangeError(`${id} has no label to be compared with`);
    const [a, b] = [selected[i] === null, label === null];
    return [1, selected[i] === label, a, b, a && b, 1 / Math.max(1, persona.length)].map(Number);
  });
  const interval = (value: AdditiveMetric["value"]) =>
    bootstrapInterval(byDialogue({ rows: counts, value }, rows), options);
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  return {
    rows: rows.length,
    accuracy: interval((sums) => sums[1]! / sums[0]!),
    kappa: interval(([n, same, a, b, , chance]) => {
      const [noneA, noneB] = [a! / n!, b! / n!];
      const expected = noneA * noneB + (1 - noneA) * (1 - noneB) * (chance! / n!);
      return expected === 1 ? 0 : (same! / n! - expected) / (1 - expected);
    }),
    nonePrecision: interval((sums) => share(sums[4]!, sums[2]!)),
    noneRecall: interval((sums) => share(sums[4]!, sums[3]!)),
  };
}
