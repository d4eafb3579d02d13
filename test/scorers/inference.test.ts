import assert from "node:assert/strict";
import { test } from "node:test";
import { inferenceScorer } from "../../src/scorers/inference";
import type { LabelScorer } from "../../src/scorers/scorer";

const scorer = (labels: readonly string[]): LabelScorer => ({
  ...{ kind: "labels", name: "some", labels, reads: ["premise", "hypothesis"], fingerprint: 1 },
  probabilities: (texts) => Promise.resolve(texts.map(() => [0.7, 0.2, 0.1])),
  close: () => Promise.resolve(),
});

test("probabilities go to their relations by name, in whatever order the labels are", async () => {
  const infer = inferenceScorer(scorer(["contradiction", "entailment", "neutral"]));
  assert.deepEqual(await infer.infer([["I sail.", "I never sail."]]), [
    { contradiction: 0.7, entailment: 0.2, neutral: 0.1 },
  ]);
  assert.deepEqual(await infer.infer([]), []);
});

test("a scorer of other labels is refused by name", () => {
  for (const labels of [
    ["yes", "no"],
    ["entailment", "neutral", "contradiction", "other"],
  ])
    assert.throws(
      () => inferenceScorer(scorer(labels)),
      /^Error: some: tells .* apart, where entailment, neutral/,
    );
});
