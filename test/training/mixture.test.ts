import assert from "node:assert/strict";
import { test } from "node:test";
import { taskNotLearned } from "../../src/training/alarms/task-not-learned";
import type { Example } from "../../src/training/batches";
import type { StepLog } from "../../src/training/log";
import { mixedBatches } from "../../src/training/mixture";

/** Examples of three tasks: 40, 10 and 2 of them, of different lengths. */
const examples: Example[] = [40, 10, 2].flatMap((count, task) =>
  Array.from({ length: count }, (_, i) => ({
    inputIds: Array.from({ length: 3 + (i % 7) }, (_, at) => at + 1),
    labels: [...Array.from({ length: 2 + (i % 7) }, () => -100), 5],
    task,
  })),
);
const options = { taskType: "CAUSAL_LM", padTokenId: 0, padToMultipleOf: 4 } as const;
const mixed = (weights: number[]) => mixedBatches(examples, [], weights, options);
const drawn = (weights: number[], epoch: number, seed = 1) =>
  mixed(weights).epochBatches(epoch, 4, seed).flat();
const byTask = (indices: readonly number[]) =>
  [0, 1, 2].map((task) => indices.filter((at) => examples[at]!.task === task).length);

test("tasks are drawn as often as their weights say, whatever their sizes", () => {
  assert.deepEqual(byTask(drawn([1, 1, 2], 0)), [13, 13, 26]);
  assert.deepEqual(byTask(drawn([2, 1, 1], 5)), [26, 13, 13]);
  assert.equal(mixed([1, 1, 2]).size, 52);
});

test("every batch holds the tasks in their shares, as nearly as its size allows", () => {
  for (const batch of mixed([1, 1, 2]).epochBatches(0, 4, 1).slice(0, -1)) {
    const [a, b, c] = byTask(batch);
    assert.ok(a! >= 0 && a! <= 2 && b! >= 0 && b! <= 2 && c! >= 1 && c! <= 3, String([a, b, c]));
  }
  const half = mixed([1, 1, 2]).epochBatches(0, 8, 1).slice(0, -1).map(byTask);
  assert.ok(
    half.every(([a, b, c]) => a! >= 1 && b! >= 1 && c! >= 3),
    JSON.stringify(half),
  );
});

test("a large task goes on where it stopped; of a small one every row is read equally often", () => {
  const rows = (epochs: number[]) => epochs.flatMap((epoch) => drawn([1, 1, 2], epoch));
  const large = rows([0, 1, 2]).filter((at) => examples[at]!.task === 0);
  assert.equal(new Set(large).size, 39);
  const times = new Map<number, number>();
  for (const at of rows([0, 1]).filter((at) => examples[at]!.task === 2))
    times.set(at, (times.get(at) ?? 0) + 1);
  assert.deepEqual([...times.values()], [26, 26]);
});

test("an epoch's batches are a function of epoch, size and seed, and hold the rows' tasks", () => {
  assert.deepEqual(drawn([1, 1, 1], 3), drawn([1, 1, 1], 3));
  assert.notDeepEqual(drawn([1, 1, 1], 3), drawn([1, 1, 1], 4));
  assert.notDeepEqual(drawn([1, 1, 1], 3), drawn([1, 1, 1], 3, 2));
  const source = mixed([1, 1, 1]);
  const batch = source.batch([0, 41, 51], 4);
  assert.deepEqual([...(batch["tasks"]!.data as Int32Array)], [0, 1, 2, -1]);
  assert.notDeepEqual(source.fingerprint, mixed([1, 1, 2]).fingerprint);
});

test("a task without rows, and a weight that is no share, are refused", () => {
  assert.throws(() => mixedBatches(examples, [], [1, 1, 1, 1], options), /task 4 has no row/);
  assert.throws(() => mixed([1, 0, 1]), /the weight of task 2 must be above 0, not 0/);
});

test("an alarm says which task is not learned while the others are", () => {
  const log = (ofB: (step: number) => number) =>
    Array.from({ length: 50 }, (_, i) => ({
      step: i + 1,
      loss: 4 - i / 20,
      metrics: { "loss/a": 4 - i / 10, ...(i % 2 === 0 && { "loss/b": ofB(i) }), "share/b": 0.1 },
    })) as unknown as StepLog[];
  const alarm = taskNotLearned(["a", "b"]);
  assert.equal(alarm.check(log((i) => 3 - i / 50)), undefined);
  assert.match(
    alarm.check(log((i) => 3 + i / 50))!,
    /that of b does not \(loss\/b; 10 % of the labels of the last 20 steps\)/,
  );
  assert.equal(alarm.check(log(() => 3).slice(0, 30)), undefined);
});
