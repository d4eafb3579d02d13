import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { applyEnvironment, checkValue, itemAt, parseParameter } from "../../src/notebook/parameters";
import { readNotebook } from "../../scripts/runner/notebook";
import { declaredParameters } from "../../scripts/runner/parameters";

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

test("a count is a whole number from where it makes sense, wherever its value comes from", () => {
  const refused: [name: string, text: string, declared: number | number[], message: RegExp][] = [
    ["N_TEST", "-3", 1000, /^Error: N_TEST=-3: N_TEST is a whole number from 0$/],
    ["N_TEST", "2.5", 0, /N_TEST=2.5: N_TEST is a whole number from 0/],
    ["N_TEST", "1e17", 0, /N_TEST=100000000000000000: N_TEST is a whole number/],
    ["N_WORDS", "0", 15, /N_WORDS=0: N_WORDS is a whole number from 1/],
    ["SNIPPET_TURNS", "0", 2, /SNIPPET_TURNS=0: SNIPPET_TURNS is a whole number from 1/],
    ["RESAMPLES", "2000000", 1000, /RESAMPLES=2000000: RESAMPLES is a whole number from 1 to 1000000/],
    ["LEARNING_RATE", "-0.1", 0, /LEARNING_RATE=-0.1: LEARNING_RATE is a number from 0 to 1/],
    ["LEARNING_RATE", "5", 0, /LEARNING_RATE=5: /],
    ["K", "[1, 0]", [1, 3], /K=\[1,0\]: each number of K is a whole number from 1/],
    ["K", "[]", [1, 3], /K=\[\]: K has at least one number/],
    ["LIMITS", "[64, 64]", [64], /LIMITS=\[64,64\]: LIMITS has no number twice/],
    ["UNFREEZE", "[0, -2]", [0], /each number of UNFREEZE is a whole number from 0/],
    ["N_MINE", "-1", 5, /N_MINE=-1: N_MINE is a whole number from 0/],
  ];
  for (const [name, text, declared, message] of refused) {
    assert.throws(() => parseParameter(name, text, declared), message);
    const parameters = { PROFILE: "quick", SEED: 13, [name]: declared };
    assert.throws(() => applyEnvironment(parameters, { [name]: text }), message);
    assert.throws(() => checkValue(name, JSON.parse(text) as number), message);
    assert.throws(() => applyEnvironment({ ...parameters, [name]: JSON.parse(text) as number }, {}), message);
  }
  assert.equal(parseParameter("N_TEST", "0", 1000), 0);
  assert.equal(parseParameter("SEED", "-7", 13), -7);
  assert.deepEqual(parseParameter("UNFREEZE", "[0, 4]", [0, 2]), [0, 4]);
  assert.throws(() => parseParameter("PROFILE", "fulll", "quick"), /PROFILE=fulll: .*Did you mean full\?/);
  assert.throws(() => itemAt(["a", "b"], "RECORD", 2), /RECORD=2: RECORD is a whole number from 0 to 1 here/);
  assert.equal(itemAt(["a", "b"], "RECORD", 1), "b");
});

test("the range of every number of the project's notebooks is known, and their own values are in it", () => {
  const folder = join(__dirname, "../../notebooks");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".ipynb"))) {
    const parameters = declaredParameters(readNotebook(join(folder, file)), file);
    for (const [name, value] of Object.entries(parameters)) {
      checkValue(name, value);
      if (typeof value === "string" || typeof value === "boolean") continue;
      const wrong = Array.isArray(value) ? [0.5, -0.5] : -0.5;
      assert.throws(() => checkValue(name, wrong), new RegExp(`^Error: ${name}=`), `${file} ${name}`);
    }
  }
});
