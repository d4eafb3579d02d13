import assert from "node:assert/strict";
import { test } from "node:test";
import { rewardCurve } from "../../../src/experiments/methods/curve";
import type { StepLog } from "../../../src/training/log";

const logOf = (...rewards: number[]) =>
  rewards.map((reward) => ({ metrics: { reward } }) as unknown as StepLog);

test("a reward's curve has the means of the run's parts, each step in one of them", () => {
  assert.equal(rewardCurve(logOf(0, 0.5)), "the reward over the run, 2 parts of it: 0.000 0.500");
  const steps = Array.from({ length: 25 }, (_, i) => i);
  const means = rewardCurve(logOf(...steps))!
    .split(": ")[1]!
    .split(" ")
    .map(Number);
  assert.equal(means.length, 10);
  assert.deepEqual([means[0], means.at(-1)], [1, 23.5]);
  assert.equal(rewardCurve(logOf(1)), undefined);
  assert.equal(rewardCurve([{ loss: 1 } as StepLog, { loss: 2 } as StepLog]), undefined);
});
