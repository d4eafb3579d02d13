import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean } from "../../src/text/nearest";

test("a name that was meant is found, and none where nothing is near", () => {
  const names = ["N_TEST", "N_TRAIN", "MAX_STEPS", "LEARNING_RATE", "K"];
  for (const [written, meant] of [
    ["N_TETS", "N_TEST"],
    ["n_test", "N_TEST"],
    ["NTEST", "N_TEST"],
    ["MAXSTEP", "MAX_STEPS"],
    ["LEARING_RTE", "LEARNING_RATE"],
  ] as const)
    assert.equal(didYouMean(written, names), ` Did you mean ${meant}?`);
  for (const written of ["COLOUR", "", "constructor"])
    assert.equal(didYouMean(written, names.slice(0, 4)), "", written);
});
