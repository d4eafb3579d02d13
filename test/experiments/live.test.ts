import assert from "node:assert/strict";
import { test } from "node:test";
import { learningCurves, liveTraining } from "../../src/experiments/live";
import type { StepLog } from "../../src/training/log";
import { capture } from "../notebook/capture";

const row = (step: number): StepLog => ({
  step,
  epoch: step / 10,
  loss: step,
  learningRate: 1e-3,
  gradNorm: 2 * step,
  tokensPerSecond: 100,
  seconds: 1,
  ...(step % 20 === 0 ? { evalLoss: step + 0.5 } : {}),
});
const log = Array.from({ length: 90 }, (_, i) => row(i + 1));

test("curves are means of steps in a row, the validation loss is as measured", () => {
  const { data } = learningCurves(
    [
      { name: "a", log },
      { name: "b", log: [] },
    ],
    { title: "t" },
  );
  const traces = data as { name: string; x: number[]; y: number[] }[];
  const a = traces.filter(({ name }) => name === "a");
  assert.equal(a.length, 4);
  const [training, validation, norm, rate] = a as [
    (typeof a)[0],
    (typeof a)[0],
    (typeof a)[0],
    (typeof a)[0],
  ];
  assert.equal(training.x.length, 30);
  assert.deepEqual(training.x.slice(0, 3), [3, 6, 9]);
  assert.deepEqual(training.y.slice(0, 3), [2, 5, 8]);
  assert.deepEqual(norm.y.slice(0, 2), [4, 10]);
  assert.ok(rate.y.every((value) => Math.abs(value - 1e-3) < 1e-12));
  assert.deepEqual(validation.x, [20, 40, 60, 80]);
  assert.deepEqual(validation.y, [20.5, 40.5, 60.5, 80.5]);
});

test("a cell shows a place for the figure, then the progress of each run; saving is not reported", () => {
  const lines: string[] = [];
  const { log: print } = console;
  console.log = (line: string) => void lines.push(line);
  try {
    const shown = capture(() => {
      const hooks = liveTraining({ title: "t" }).hooks("LoRA");
      hooks.onMessage!("saved x", "saved");
      hooks.onMessage!("resumed from x", "resumed");
      assert.equal(hooks.signal!.aborted, false);
    });
    assert.equal(shown.length, 1);
  } finally {
    console.log = print;
  }
  assert.deepEqual(lines, ["LoRA: resumed from x"]);
});
