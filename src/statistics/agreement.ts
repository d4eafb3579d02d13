import type { AdditiveMetric } from "../metrics";

/**
 * Cohen's κ (1960): how far two who label the same things agree beyond what their shares of labels give by chance,
 *
 *     κ = (p_o − p_e) / (1 − p_e)
 *
 * with p_o the share of things with equal labels and p_e = Σ over labels of the product of both shares. 1 is agreement in all, 0
 * what chance gives, below 0 less than that. NaN where both give one and the same label to everything: then nothing is told apart.
 *
 * @throws {RangeError} without things, or if the two labelled different numbers of them
 */
export function cohensKappa(a: readonly string[], b: readonly string[]): number {
  const { rows, value } = kappaMetric(a, b);
  const sums = new Float64Array(rows[0]!.length);
  for (const row of rows) for (let i = 0; i < sums.length; i++) sums[i]! += row[i]!;
  return value(sums, rows.length);
}

/** {@link cohensKappa} for `bootstrapInterval`, which draws the things that were labelled. A draw of one label alone counts as 0. */
export function kappaMetric(a: readonly string[], b: readonly string[]): AdditiveMetric {
  if (a.length !== b.length || a.length === 0)
    throw new RangeError(`κ needs two labels of the same things: there are ${a.length} and ${b.length}`);
  const labels = [...new Set([...a, ...b])].sort();
  const size = labels.length;
  const at = new Map(labels.map((label, i) => [label, i]));
  const rows = a.map((label, i) => {
    const row = new Float64Array(size * size);
    row[at.get(label)! * size + at.get(b[i]!)!] = 1;
    return row;
  });
  const value = (sums: Float64Array, count: number) => {
    let [agreed, chance] = [0, 0];
    for (let i = 0; i < size; i++) {
      let [ofA, ofB] = [0, 0];
      for (let j = 0; j < size; j++) {
        ofA += sums[i * size + j]!;
        ofB += sums[j * size + i]!;
      }
      agreed += sums[i * size + i]! / count;
      chance += (ofA / count) * (ofB / count);
    }
    if (size > 1 && chance === 1) return 0;
    return (agreed - chance) / (1 - chance);
  };
  return { rows, value };
}
