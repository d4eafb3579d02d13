import assert from "node:assert/strict";
import { test } from "node:test";
import { accuracyDifference, measureLabels } from "../../src/scorers/measure";

const labels = ["yes", "no"];

test("accuracy, confusion, loss and calibration of probabilities", () => {
  const found = measureLabels(labels, [[0.9, 0.1], [0.95, 0.05], [0.3, 0.7], [0.6, 0.4]], [0, 1, 1, 0]); // prettier-ignore
  assert.equal(found.accuracy.value, 0.75);
  assert.deepEqual(found.confusion, [[2, 0], [1, 1]]); // prettier-ignore
  assert.deepEqual(found.hits, [true, false, true, true]);
  const loss = -(Math.log(0.9) + Math.log(0.05) + Math.log(0.7) + Math.log(0.6)) / 4;
  assert.ok(Math.abs(found.loss - loss) < 1e-12);
  // Bars (0.5, 0.6], (0.6, 0.7], (0.8, 0.9] and (0.9, 1] hold one each, of which the last is wrong.
  const error = (0.4 + 0.3 + 0.1 + 0.95) / 4;
  assert.ok(Math.abs(found.calibrationError - error) < 1e-12, String(found.calibrationError));
  assert.deepEqual(
    found.reliability.map(({ count }) => count),
    [0, 0, 0, 0, 0, 1, 1, 0, 1, 1],
  );
  assert.equal(found.reliability[9]!.accuracy, 0);
  assert.equal(found.reliability[9]!.confidence, 0.95);
});

test("a difference is paired: the interval of equal answers is nothing", () => {
  const all = (right: (i: number) => boolean) =>
    measureLabels(labels, Array.from({ length: 200 }, (_, i) => (right(i) ? [1, 0] : [0, 1])), Array(200).fill(0) as number[]); // prettier-ignore
  const half = all((i) => i % 2 === 0);
  assert.deepEqual(accuracyDifference(half, half), { value: 0, low: 0, high: 0 });
  const more = accuracyDifference(all((i) => i % 2 === 0 || i % 10 === 1), half); // prettier-ignore
  assert.ok(Math.abs(more.value - 0.1) < 1e-12 && more.low > 0.05 && more.high < 0.15, JSON.stringify(more));
  assert.throws(() => accuracyDifference(half, measureLabels(labels, [[1, 0]], [0])), /200 and 1 texts/);
  assert.throws(() => measureLabels(labels, [], []), /0 predictions for 0/);
});
