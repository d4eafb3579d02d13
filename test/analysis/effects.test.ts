import assert from "node:assert/strict";
import { test } from "node:test";
import { effect, effectRows, meanOverSeeds, seededRows } from "../../src/analysis/effects";
import type { EvaluatedVariant } from "../../src/evaluation/evaluate";

function evaluated(scores: readonly number[], caseSet = "x"): EvaluatedVariant {
  const cases = scores.map((rougeL) => ({ metrics: { rougeL } }));
  return { summary: { variant: "v", caseSet }, cases } as unknown as EvaluatedVariant;
}

test("an effect is the mean difference over seeds and cases", () => {
  const a = [evaluated([0.5, 0.7, 0.9]), evaluated([0.4, 0.6, 0.8])];
  const b = [evaluated([0.4, 0.6, 0.8]), evaluated([0.1, 0.3, 0.5])];
  const { value, low, high, pValue, bySeed } = effect(a, b, "rougeL");
  assert.ok(Math.abs(value - 0.2) < 1e-12);
  assert.deepEqual(
    bySeed.map((one) => Math.round(one * 1e9) / 1e9),
    [0.1, 0.3],
  );
  // Every case has the difference of its seed, so that only the draw of seeds moves the mean: 0.1, 0.2 or 0.3.
  assert.ok(Math.abs(low - 0.1) < 1e-9 && Math.abs(high - 0.3) < 1e-9);
  // Of the 8 ways to swap three cases with equal differences, 2 are as extreme.
  assert.ok(Math.abs(pValue - 0.25) < 0.02, String(pValue));
});

test("the interval of one seed is that of the conversations, as the ordinary bootstrap has it", () => {
  const scores = Array.from({ length: 200 }, (_, i) => ((i * 7919) % 200) / 200);
  const { value, low, high } = meanOverSeeds([evaluated(scores)], "rougeL", { resamples: 4000 });
  const deviation = Math.sqrt(scores.reduce((sum, x) => sum + (x - value) ** 2, 0) / 200 / 200);
  assert.ok(Math.abs(value - 0.4975) < 1e-9);
  assert.ok(Math.abs(high - low - 2 * 1.96 * deviation) < 0.005, `${low} ${high}`);
});

test("seeds that disagree widen the interval", () => {
  const scores = Array.from({ length: 50 }, (_, i) => (i % 10) / 10);
  const shifted = scores.map((score) => score + 0.5);
  const alike = meanOverSeeds([evaluated(scores), evaluated(scores)], "rougeL");
  const apart = meanOverSeeds([evaluated(scores), evaluated(shifted)], "rougeL");
  assert.ok(apart.high - apart.low > 3 * (alike.high - alike.low));
});

test("sides with other numbers of seeds draw their own: a base model, which has none, stays as it is", () => {
  const a = [evaluated([0.5, 0.7, 0.9]), evaluated([0.4, 0.6, 0.8])];
  const base = evaluated([0.2, 0.4, 0.6]);
  const alone = effect(a, [base], "rougeL");
  assert.ok(Math.abs(alone.value - 0.25) < 1e-12);
  // Every case has the difference of its seed: 0.3 or 0.2.
  assert.ok(Math.abs(alone.low - 0.2) < 1e-9 && Math.abs(alone.high - 0.3) < 1e-9);
  assert.deepEqual(alone.bySeed, []);
  const other = effect([base], a, "rougeL");
  assert.ok(Math.abs(other.value + 0.25) < 1e-12 && Math.abs(other.low + 0.3) < 1e-9);
  // Of three seeds and two both kinds of draws widen the interval.
  const three = [evaluated([0.1, 0.1, 0.1]), evaluated([0.2, 0.2, 0.2]), evaluated([0.3, 0.3, 0.3])];
  const shifted = a.map(({ cases }) => evaluated(cases.map(({ metrics }) => metrics.rougeL - 0.4)));
  const apart = effect(three, [a[0]!, shifted[0]!], "rougeL");
  assert.ok(apart.high - apart.low > 0.4);
});

test("an interval takes at least one resample", () => {
  for (const resamples of [0, -1, 0.5, NaN])
    assert.throws(() => meanOverSeeds([evaluated([1])], "rougeL", { resamples }), /at least one resample/);
  const { value, low, high } = meanOverSeeds([evaluated([0.5])], "rougeL", { resamples: 1 });
  assert.deepEqual([value, low, high], [0.5, 0.5, 0.5]);
});

test("a single conversation and seed have a value and no interval", () => {
  assert.equal(seededRows([{ name: "one", bySeed: [evaluated([0.5])] }], ["rougeL"])[0]!["rougeL"], "0.500");
});

/** One answer a case, of which so many facts came up and so many were owned. */
function owning(counts: readonly (readonly [owned: number, said: number])[]): EvaluatedVariant {
  const cases = counts.map(([factsOwned, factsSaid]) => ({ metrics: { factsOwned, factsSaid } }));
  return { summary: { variant: "v", caseSet: "x" }, cases } as unknown as EvaluatedVariant;
}

test("ownership is compared as shares of all facts, not as means of the answers' shares", () => {
  const a = [owning([[1, 1], [2, 9]]), owning([[4, 4], [0, 2]])]; // prettier-ignore
  const b = [owning([[0, 1], [1, 4]]), owning([[1, 2], [0, 1]])]; // prettier-ignore
  const { value, low, high, bySeed } = effect(a, b, "ownership");
  assert.ok(Math.abs(value - (7 / 16 - 2 / 8)) < 1e-12);
  assert.deepEqual(
    bySeed.map((one) => one.toFixed(6)),
    [3 / 10 - 1 / 5, 4 / 6 - 1 / 3].map((one) => one.toFixed(6)),
  );
  assert.ok(low <= value && value <= high);
  assert.ok(Math.abs(meanOverSeeds(a, "ownership").value - 7 / 16) < 1e-12);
  const [row] = seededRows([{ name: "a", bySeed: a }], ["ownership"]);
  assert.match(row!["ownership"]!, /^0\.438 \[0\.\d{3}, \d\.\d{3}\] of 16$/);
  assert.equal(seededRows([{ name: "none", bySeed: [owning([[0, 0], [0, 0]])] }], ["ownership"])[0]!["ownership"], "of 0"); // prettier-ignore
});

test("what cannot be compared is refused", () => {
  const one = evaluated([1]);
  assert.throws(() => effect([one], [], "rougeL"), /the same seeds on both sides, not 1 and 0/);
  assert.throws(() => effect([one], [evaluated([1], "y")], "rougeL"), /not evaluated on the same cases/);
});

test("rows say in words what is shown, with all comparisons counted", () => {
  const low = { name: "low", bySeed: [evaluated(Array.from({ length: 30 }, (_, i) => i / 100))] };
  const high = {
    name: "high",
    bySeed: [evaluated(Array.from({ length: 30 }, (_, i) => i / 100 + 0.1 + (i % 3) / 100))],
  };
  const same = {
    name: "same",
    bySeed: [evaluated(Array.from({ length: 30 }, (_, i) => i / 100 + (i % 2 ? 0.1 : -0.1)))],
  };
  const rows = effectRows(
    [
      [high, low],
      [low, high],
      [same, low],
    ],
    ["rougeL"],
  );
  assert.deepEqual(
    rows.map(({ verdict }) => verdict),
    ["a is higher", "a is lower", "no difference shown"],
  );
  assert.equal(rows[0]!["a − b"], "high − low");
  assert.ok(Math.abs(rows[0]!.difference - 0.11) < 1e-9 && rows[0]!.low > 0.1 && rows[0]!.high < 0.12);
  assert.ok(Math.abs(rows[0]!.adjustedPValue - 3 * rows[0]!.pValue) < 1e-12);
  assert.equal(rows[0]!.bySeed, "0.110");
  assert.match(seededRows([low], ["rougeL"])[0]!["rougeL"]!, /^0\.145 \[0\.1\d+, 0\.1\d+\]$/);
});
