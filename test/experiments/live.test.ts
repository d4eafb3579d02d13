import assert from "node:assert/strict";
import { test } from "node:test";
import { learningCurves, liveTraining, stepNote } from "../../src/experiments/live";
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

test("each metric that an objective names has its panel, in training and in validation; without metrics there are four", () => {
  const panels = (runs: { name: string; log: StepLog[] }[]) => {
    const { data, layout } = learningCurves(runs, { title: "t" });
    const traces = data as { xaxis: string; x: number[]; y: number[] }[];
    const titles = (layout.annotations as { text: string }[]).map(
      ({ text }) => /^<b>(.*)<\/b>$/.exec(text)?.[1],
    );
    const of = (title: string) => {
      const place = titles.filter((text) => text !== undefined).indexOf(title);
      return traces.filter(({ xaxis }) => xaxis === `x${place === 0 ? "" : place + 1}`);
    };
    return { titles: titles.filter((text) => text !== undefined), of, height: layout.height };
  };
  const plain = panels([{ name: "a", log }]);
  assert.deepEqual([plain.titles.length, plain.height], [4, 620]);

  const named = log.map((one) => ({
    ...one,
    metrics: { kl: one.step, ...(one.step % 3 === 0 ? { "rewards/<margins>": one.step } : {}) },
    ...(one.evalLoss === undefined
      ? {}
      : { evalMetrics: { "rewards/<margins>": -one.step, accuracy: one.step === 40 ? NaN : 0.5 } }),
  }));
  const { titles, of, height } = panels([
    { name: "a", log: named },
    { name: "b", log },
  ]);
  assert.deepEqual(titles.slice(4), [
    "rewards/&#60;margins&#62; in training",
    "rewards/&#60;margins&#62; in validation",
    "kl in training",
    "accuracy in validation",
  ]);
  assert.equal(height, 4 * 310);
  const [margins, none] = of("rewards/&#60;margins&#62; in training");
  assert.deepEqual(
    [margins!.x.length, margins!.x[0], margins!.y[0]],
    [30, 3, 3],
    "of the steps that have it",
  );
  assert.deepEqual([none!.x, none!.y], [[], []]);
  assert.deepEqual(of("rewards/&#60;margins&#62; in validation")[0]!.y, [-20, -40, -60, -80]);
  assert.deepEqual(of("kl in training")[0]!.y.slice(0, 2), [2, 5]);
  assert.deepEqual(of("accuracy in validation")[0]!.x, [20, 60, 80], "no value is no point");
});

test("the metrics that are watched come first, beside loss and gradient norm alone; without a validation there is none", () => {
  const rewarded = log.map(({ evalLoss: _, ...one }) => ({
    ...one,
    metrics: { reward: one.step, kl: 0, "val/ratio": 1 },
  }));
  const titles = (one: readonly StepLog[]) =>
    (
      learningCurves([{ name: "a", log: one }], { title: "t", metrics: ["kl", "reward"] }).layout
        .annotations as { text: string }[]
    ).flatMap(({ text }) => /^<b>(.*)<\/b>$/.exec(text)?.[1] ?? []);
  const watched = ["kl in training", "reward in training", "training loss, with dropout and weights"];
  assert.deepEqual(titles(rewarded), [...watched, "gradient norm before clipping"]);
  assert.deepEqual(titles(log), [...watched, "validation loss", "gradient norm before clipping"]);
  assert.deepEqual(titles([]), titles(rewarded), "also before the first step");
  assert.equal(stepNote(rewarded[4]!), "reward 5.000");
  assert.equal(stepNote(log[4]!), "loss 5.000");
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
      hooks.say("trains 3 parameters");
      assert.equal(hooks.signal!.aborted, false);
    });
    assert.equal(shown.length, 1);
  } finally {
    console.log = print;
  }
  assert.deepEqual(lines, ["LoRA: resumed from x", "LoRA: trains 3 parameters"]);
});
