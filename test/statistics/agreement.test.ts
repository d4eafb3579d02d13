import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapInterval } from "../../src/metrics/resampling";
import { cohensKappa, kappaMetric } from "../../src/statistics/agreement";

const repeat = (label: string, times: number) => Array<string>(times).fill(label);

test("κ of Cohen's formula: 20 and 15 agreed of 50, 5 and 10 not", () => {
  const a = [...repeat("yes", 25), ...repeat("no", 25)];
  const b = [...repeat("yes", 20), ...repeat("no", 5), ...repeat("yes", 10), ...repeat("no", 15)];
  // p_o = 0.7, p_e = 0.5 · 0.6 + 0.5 · 0.4 = 0.5.
  assert.ok(Math.abs(cohensKappa(a, b) - 0.4) < 1e-12);
  assert.ok(Math.abs(cohensKappa(b, a) - 0.4) < 1e-12);
});

test("κ is 1 in agreement, −1 where two labels are always exchanged, NaN where there is one label alone", () => {
  assert.equal(cohensKappa(["a", "b", "c"], ["a", "b", "c"]), 1);
  assert.equal(cohensKappa(["a", "b", "a", "b"], ["b", "a", "b", "a"]), -1);
  assert.ok(Number.isNaN(cohensKappa(["a", "a"], ["a", "a"])));
  assert.throws(() => cohensKappa([], []), /there are 0 and 0/);
  assert.throws(() => cohensKappa(["a"], []), /there are 1 and 0/);
});

test("its interval is of draws of the things labelled, and holds the value", () => {
  const a = [...repeat("high", 30), ...repeat("low", 30)];
  const b = [...repeat("high", 24), ...repeat("low", 30), ...repeat("high", 6)];
  const { value, low, high } = bootstrapInterval(kappaMetric(a, b));
  assert.ok(Math.abs(value - cohensKappa(a, b)) < 1e-12);
  assert.ok(low < value && value < high && low > 0.3 && high <= 1);
});
