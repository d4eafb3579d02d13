import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/random/random";
import { answerConsistency, consistencyScore, scoreConsistency } from "../../src/scorers/consistency";

const labels = ["entailment", "neutral", "contradiction"];
const perfect = [[1e4, 0, 0], [0, 1e4, 0], [0, 0, 1e4]]; // prettier-ignore

test("as labelled: the largest of an answer's facts, or their sum, in the mean", () => {
  const answers = [[0, 1], [2, 1], [2, 2, 0]]; // prettier-ignore
  const max = consistencyScore(labels, answers, perfect, { resamples: 10 });
  assert.equal(max.raw.value, (1 + 0 + 1) / 3);
  const sum = consistencyScore(labels, answers, perfect, { resamples: 10, definition: "sum" });
  assert.equal(sum.raw.value, (1 - 1 - 1) / 3);
  assert.equal(sum.answers, 3);
  // A scorer without errors has nothing to be corrected.
  assert.ok(Math.abs(max.corrected.value - max.raw.value) < 1e-3, String(max.corrected.value));
  assert.ok(Math.abs(sum.corrected.value - sum.raw.value) < 1e-3, String(sum.corrected.value));
});

/** Answers of three facts whose labels are drawn by shares, and what a scorer with these rates says of them. */
function drawn(rates: number[][], shares: number[], answers: number, seed: number) {
  const random = new Random(seed);
  const pick = (weights: number[]) => {
    let left = random.uniform();
    return Math.min(weights.length - 1, weights.findIndex((weight) => (left -= weight) < 0) >>> 0);
  };
  const truth = Array.from({ length: answers }, () => [0, 0, 0].map(() => pick(shares)));
  const confusion = rates.map((row) => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 300; i++) counts[pick(row)]!++;
    return counts;
  });
  return { truth, labelled: truth.map((facts) => facts.map((label) => pick(rates[label]!))), confusion };
}

for (const definition of ["max", "sum"] as const)
  test(`errors of the scorer are taken out, and the interval holds the truth (${definition})`, () => {
    const rates = [[0.7, 0.2, 0.1], [0.15, 0.7, 0.15], [0.1, 0.2, 0.7]]; // prettier-ignore
    let [held, rawHeld] = [0, 0];
    for (const seed of [1, 2, 3, 4]) {
      const { truth, labelled, confusion } = drawn(rates, [0.1, 0.8, 0.1], 400, seed);
      const options = { definition, resamples: 100, seed };
      const wanted = consistencyScore(labels, truth, perfect, { ...options, resamples: 1 }).raw.value;
      const { raw, corrected } = consistencyScore(labels, labelled, confusion, options);
      held += Number(corrected.low <= wanted && wanted <= corrected.high);
      rawHeld += Number(raw.low <= wanted && wanted <= raw.high);
      assert.ok(corrected.high - corrected.low > raw.high - raw.low, "errors widen the interval");
    }
    assert.ok(held >= 3, `${held} of 4`);
    // By chance the errors of the sum cancel here; those of the largest do not.
    if (definition === "max") assert.ok(rawHeld <= 1, `${rawHeld} of 4 without a correction`);
  });

test("facts are scored against answers, each pair once, the fact first", async () => {
  const asked: unknown[] = [];
  const scorer = {
    kind: "labels",
    name: "toy",
    labels,
    reads: ["premise", "hypothesis"],
    fingerprint: 1,
    probabilities: (pairs: readonly unknown[]) => {
      asked.push(...pairs);
      return Promise.resolve(pairs.map((pair) => ((pair as string[])[0] === "b" ? [0, 0, 1] : [1, 0, 0])));
    },
    close: () => Promise.resolve(),
  } as const;
  const answers = [{ facts: ["a", "b"], answer: "x" }, { facts: ["b"], answer: "y" }]; // prettier-ignore
  const { raw } = await scoreConsistency(scorer, answers, perfect, { resamples: 2 });
  assert.deepEqual(asked, [["a", "x"], ["b", "x"], ["b", "y"]]); // prettier-ignore
  assert.equal(raw.value, 0);
});

test("what has no C.score is refused by name", () => {
  const score = (answers: number[][], confusion: number[][], names = labels) => () =>
    consistencyScore(names, answers, confusion); // prettier-ignore
  assert.throws(score([], perfect), /needs answers/);
  assert.throws(score([[0], []], perfect), /answer 2 has no facts/);
  assert.throws(score([[0]], [[1, 0, 0], [0, 0, 0], [0, 0, 1]]), /no pair of neutral/); // prettier-ignore
  assert.throws(score([[0]], perfect, ["low", "mid", "high"]), /the scorer has low/);
});

test("each answer's own number is the largest, or the sum, of its facts' labels", () => {
  const labels = ["entailment", "neutral", "contradiction"];
  const labelled = [[0, 2, 2], [1, 2], [1]];
  assert.deepEqual(answerConsistency(labels, labelled, "max"), [1, 0, 0]);
  assert.deepEqual(answerConsistency(labels, labelled, "sum"), [-1, -1, 0]);
  assert.throws(
    () => answerConsistency(["yes"], [[0]], "max"),
    /a C\.score is made of .*; the scorer has yes/,
  );
});
