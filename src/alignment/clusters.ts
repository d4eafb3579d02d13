import type { SelectionRow } from "../corpus";
import type { AdditiveMetric } from "../metrics";

/**
 * A metric of rows as one of dialogues, so that whole dialogues are drawn and swapped: turns of one dialogue resemble each other, and an
 * interval that draws them one by one is too narrow. The metric's value must come from sums alone, not from the number of cases.
 */
export function byDialogue(
  { rows, value }: AdditiveMetric,
  of: readonly Pick<SelectionRow, "dialogue">[],
): AdditiveMetric {
  const sums = new Map<string, number[]>();
  rows.forEach((row, i) => {
    const { dialogue } = of[i]!;
    const sum = sums.get(dialogue);
    if (!sum) sums.set(dialogue, Array.from(row));
    else for (let column = 0; column < sum.length; column++) sum[column]! += row[column]!;
  });
  return { rows: [...sums.values()], value };
}
