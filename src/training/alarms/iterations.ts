import type { StepLog } from "../log";

export type Metrics = Readonly<Record<string, number>>;

/**
 * The metrics of the last iterations of an online training, the newest last: those of each one's last step so far. Only iterations
 * that logged all the names asked for count.
 */
export function lastIterations(log: readonly StepLog[], most: number, ...names: string[]): Metrics[] {
  const found: Metrics[] = [];
  let newest = Infinity;
  for (let i = log.length - 1; i >= 0 && found.length < most; i--) {
    const { epoch, metrics = {} } = log[i]!;
    const iteration = Math.ceil(epoch - 1e-9);
    if (iteration === newest) continue;
    newest = iteration;
    if (names.every((name) => name in metrics)) found.unshift(metrics);
  }
  return found;
}
