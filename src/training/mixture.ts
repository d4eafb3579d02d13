import { Random } from "../random";
import { batchOrder, type Example } from "./batches";
import type { BatchSource } from "./data";
import { type ExampleBatchesOptions, rowBatches } from "./example-batches";

/**
 * Examples of several tasks as one source, in which each task is drawn as often as its weight says:
 *
 *     rows of task t in an epoch of N = N · weight_t / Σ weights, rounded
 *
 * A task of fewer rows begins again, reshuffled; one of more goes on in the next epoch where it stopped. So the rows of a task are read
 * equally often, whatever its size. Tasks are spread evenly over an epoch, so that every batch holds them in their shares, as nearly
 * as its size allows: no step goes in the direction of one task alone.
 *
 * @param train each with its `task`, a place in `weights`
 * @param weights above 0, one a task
 * @throws {RangeError} if a task has no row, or a weight is not above 0
 */
export function mixedBatches(
  train: readonly Example[],
  validation: readonly Example[],
  weights: readonly number[],
  options: ExampleBatchesOptions,
): BatchSource {
  const source = rowBatches(train, validation, options);
  const total = weights.reduce((a, b) => a + b, 0);
  const parts = weights.map((weight, task) => {
    if (!(weight > 0 && Number.isFinite(weight)))
      throw new RangeError(`the weight of task ${task + 1} must be above 0, not ${weight}`);
    const own = [...train.keys()].filter((at) => train[at]!.task === task);
    if (own.length === 0) throw new RangeError(`task ${task + 1} has no row`);
    return { own, count: Math.max(1, Math.round((train.length * weight) / total)) };
  });
  const size = parts.reduce((sum, { count }) => sum + count, 0);
  return {
    ...source,
    size,
    epochBatches(epoch, batchSize, seed) {
      const placed = parts.flatMap(({ own, count }, task) => {
        const drawn = drawnFrom(own, new Random(seed).fork(task), epoch * count, count);
        const examples = drawn.map((at) => train[at]!);
        // Of similar length one after the other, as in batches of the task alone.
        const order = batchOrder(examples, { batchSize, seed, epoch }).flat();
        return order.map((at, i) => ({ at: drawn[at]!, place: (i + 0.5) / count }));
      });
      const order = placed.sort((a, b) => a.place - b.place).map(({ at }) => at);
      return Array.from({ length: Math.ceil(size / batchSize) }, (_, i) =>
        order.slice(i * batchSize, (i + 1) * batchSize),
      );
    },
    fingerprint: { mixture: weights, of: source.fingerprint },
  };
}

/** `count` of `items` from the place `from` on in an endless row of shuffles of them. */
function drawnFrom(items: readonly number[], random: Random, from: number, count: number): number[] {
  const drawn: number[] = [];
  for (let round = Math.floor(from / items.length); drawn.length < count; round++) {
    const start = Math.max(0, from - round * items.length);
    drawn.push(
      ...random
        .fork(round)
        .shuffle([...items])
        .slice(start, start + count - drawn.length),
    );
  }
  return drawn;
}
