import assert from "node:assert/strict";
import { test } from "node:test";
import { learningRateAt } from "../../src/training/schedule";

const options = { learningRate: 0.1, warmupSteps: 4, maxSteps: 10 };
const rates = (schedule: "constant" | "constant_with_warmup" | "linear") =>
  Array.from({ length: 12 }, (_, step) => Number(learningRateAt(step, { ...options, schedule }).toFixed(12)));

test("the schedules have the shape of their formula", () => {
  assert.deepEqual(new Set(rates("constant")), new Set([0.1]));
  assert.deepEqual(rates("constant_with_warmup").slice(0, 6), [0, 0.025, 0.05, 0.075, 0.1, 0.1]);
  const decay = [0.1, 5 / 60, 4 / 60, 3 / 60, 2 / 60, 1 / 60, 0, 0].map((rate) => Number(rate.toFixed(12)));
  assert.deepEqual(rates("linear"), [0, 0.025, 0.05, 0.075, ...decay]);
});

test("no warm-up and a warm-up as long as the run are no division by zero", () => {
  assert.equal(learningRateAt(0, { ...options, schedule: "linear", warmupSteps: 0 }), 0.1);
  assert.equal(learningRateAt(10, { ...options, schedule: "linear", warmupSteps: 10 }), 0);
});
