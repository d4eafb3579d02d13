import assert from "node:assert/strict";
import { test } from "node:test";
import { correlationText } from "../../src/statistics/correlation";

test("a correlation, or why there is none", () => {
  assert.equal(correlationText([1, 2, 3], [2, 4, 6]), "Correlation 1.00");
  assert.equal(correlationText([1, 2, 3], [3, 2, 2]), "Correlation -0.87");
  assert.equal(correlationText([1], [2]), "No correlation: a single value has none");
  assert.equal(correlationText([], []), "No correlation: no values have none");
  assert.equal(correlationText([1, 1, 1], [1, 2, 3]), "No correlation: one of the two is always the same");
  assert.equal(correlationText([1, 2, 3], [5, 5, 5]), "No correlation: one of the two is always the same");
});
