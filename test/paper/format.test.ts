import assert from "node:assert/strict";
import { test } from "node:test";
import { formats } from "../../src/paper/format";

test("values are printed by their format, and refused where they are no numbers", () => {
  assert.equal(formats.decimal3(-0.12345), "−0.123");
  assert.equal(formats.decimal3(-0.0001), "0.000");
  assert.equal(formats.signed3(0.5), "+0.500");
  assert.equal(formats.integer(12345), "12,345");
  assert.equal(formats.percent(0.95), "95 %");
  assert.equal(formats.pValue(0.0001), "< 0.001");
  assert.equal(formats.pValue(0.05), "0.050");
  assert.equal(formats.text([1, "a"]), "1, a");
  assert.equal(formats.day("2026-01-02T03:04:05Z"), "2026-01-02");
  assert.throws(() => formats.decimal3("0.5"), /"0.5" is not a number/);
});
