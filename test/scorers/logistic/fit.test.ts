import assert from "node:assert/strict";
import { test } from "node:test";
import { fitLogistic, logisticProbabilities } from "../../../src/scorers/logistic/fit";

const example = (label: number, ...names: string[]) => ({
  features: new Map(names.map((name) => [name, 1])),
  label,
});

test("what tells labels apart is learned, what occurs once is not, and the same seed gives the same bits", () => {
  const examples = Array.from({ length: 60 }, (_, i) =>
    example(i % 3, `word ${i % 3}`, "always", ...(i === 0 ? ["once"] : [])),
  );
  const weights = fitLogistic(examples, 3, { seed: 1 });
  assert.deepEqual(weights, fitLogistic(examples, 3, { seed: 1 }));
  assert.notDeepEqual(weights, fitLogistic(examples, 3, { seed: 2 }));
  assert.ok(!weights.has("once"));
  for (const label of [0, 1, 2]) {
    const found = logisticProbabilities(weights, new Map([[`word ${label}`, 1]]));
    assert.ok(found[label]! > 0.8, String(found));
    assert.ok(Math.abs(found.reduce((a, b) => a + b) - 1) < 1e-12);
  }
});

test("without features the probabilities are the labels' shares", () => {
  const examples = Array.from({ length: 200 }, (_, i) => example(i % 10 < 7 ? 0 : 1));
  const weights = fitLogistic(examples, 2, { seed: 1, epochs: 60 });
  const [first] = logisticProbabilities(weights, new Map());
  assert.ok(Math.abs(first! - 0.7) < 0.03, String(first));
});

test("no examples are refused", () => {
  assert.throws(() => fitLogistic([], 2, { seed: 1 }), /needs examples/);
});
