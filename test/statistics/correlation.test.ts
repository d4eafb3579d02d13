import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleCorrelation } from "simple-statistics";
import { bootstrapInterval } from "../../src/metrics/resampling";
import { correlationMetric, correlationText } from "../../src/statistics/correlation";

test("a correlation, or why there is none", () => {
  assert.equal(correlationText([1, 2, 3], [2, 4, 6]), "Correlation 1.00");
  assert.equal(correlationText([1, 2, 3], [3, 2, 2]), "Correlation -0.87");
  assert.equal(correlationText([1], [2]), "No correlation: a single value has none");
  assert.equal(correlationText([], []), "No correlation: no values have none");
  assert.equal(correlationText([1, 1, 1], [1, 2, 3]), "No correlation: one of the two is always the same");
  assert.equal(correlationText([1, 2, 3], [5, 5, 5]), "No correlation: one of the two is always the same");
});

test("a correlation from sums is that of simple-statistics, and 0 where one measure is always the same", () => {
  const [x, y] = [[1, 2, 4, 7, 3], [2, 1, 5, 6, 6]]; // prettier-ignore
  const found = bootstrapInterval(correlationMetric(x!, y!), { resamples: 100 });
  assert.ok(Math.abs(found.value - sampleCorrelation(x!, y!)) < 1e-12);
  assert.ok(found.low < found.value && found.value < found.high);
  assert.equal(bootstrapInterval(correlationMetric([1, 1, 1], [1, 2, 3]), { resamples: 10 }).high, 0);
  assert.throws(() => correlationMetric([1], []), /there are 1 and 0/);
});
