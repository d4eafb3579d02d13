/**
 * Holm's step-down adjustment (Holm 1979) of the p-values of several tests: as many small ones come by chance alone, the
 * smallest of m is multiplied by m, the next by m − 1, and so on, none falling below the one before.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  order.forEach((at, rank) => {
    largest = Math.max(largest, Math.min(1, pValues[at]! * (pValues.length - rank)));
    adjusted[at] = largest;
  });
  return adjusted;
}
