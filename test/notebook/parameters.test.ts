import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseParameter } from "../../src/notebook";

test("an override is read as the type that the notebook declares", () => {
  assert.equal(parseParameter("MAX_STEPS", "50", 300), 50);
  assert.equal(parseParameter("RATE", "1e-4", 0.1), 1e-4);
  assert.equal(parseParameter("RUN_ID", "50", "a"), "50");
  assert.equal(parseParameter("RESUME", "true", false), true);
  assert.equal(parseParameter("RESUME", "false", true), false);
  assert.deepEqual(parseParameter("CUTS", "[1, 2]", [64]), [1, 2]);
  assert.deepEqual(parseParameter("NAMES", '["x"]', ["a"]), ["x"]);
});

test("what does not fit is refused with what is taken", () => {
  for (const text of ["", " ", "x", "Infinity", "NaN", "1,5"]) {
    assert.throws(() => parseParameter("N", text, 1), /N takes a number/, text);
  }
  assert.throws(() => parseParameter("B", "yes", true), /B takes true or false/);
  assert.throws(() => parseParameter("L", "1,2", [1]), /L takes a JSON array of numbers/);
  assert.throws(() => parseParameter("L", '["a"]', [1]), /L takes a JSON array of numbers/);
  assert.throws(() => parseParameter("SEED", "1.5", 1), /SEED=1.5: a seed is a whole number/);
  assert.throws(() => parseParameter("PROFILE", "ful", "quick"), /the profiles are quick, full/);
});

test("every number comes back from its text", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(parseParameter("N", String(value), 0), Number(String(value)));
    }),
  );
});
