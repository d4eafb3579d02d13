import type { StepLog } from "../log";
import type { Alarm } from "./alarm";

/** Steps over which means are taken, and how many such means there must be. */
const WINDOW = 20;

/**
 * Of a mixture of tasks one is not learned, though the loss of all falls: over the last twenty steps its loss is no lower than over the
 * first twenty.
 *
 * @param tasks names of the tasks, whose losses are logged as `loss/TASK`
 */
export function taskNotLearned(tasks: readonly string[]): Alarm {
  return {
    name: "a task of the mixture is not learned",
    check(log) {
      if (log.length < 2 * WINDOW) return undefined;
      const mean = (rows: readonly StepLog[], of: (row: StepLog) => number | undefined) => {
        const values = rows.flatMap((row) => of(row) ?? []);
        return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
      };
      const falls = (of: (row: StepLog) => number | undefined) => {
        const [first, last] = [mean(log.slice(0, WINDOW), of), mean(log.slice(-WINDOW), of)];
        return first === undefined || last === undefined || last < first;
      };
      if (!falls(({ loss }) => loss)) return undefined;
      const stuck = tasks.filter((task) => !falls(({ metrics }) => metrics?.[`loss/${task}`]));
      if (stuck.length === 0) return undefined;
      const share = mean(log.slice(-WINDOW), ({ metrics }) => metrics?.[`share/${stuck[0]!}`]) ?? 0;
      return (
        `the loss of all falls, that of ${stuck.join(", ")} does not (loss/${stuck[0]!}; ${(100 * share).toFixed(0)} % of the labels of the last ` +
        `${WINDOW} steps). Give it more weight in the mixture, or look at its rows`
      );
    },
  };
}
