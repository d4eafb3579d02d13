import assert from "node:assert/strict";
import { test } from "node:test";
import { data, plainText } from "../../src/paper/document";
import { enumerate, proseWith } from "../../src/paper/prose";

test("prose refuses a digit that no file gave, and takes names that have one", () => {
  const prose = proseWith("T5", "BM25");
  assert.throws(() => prose`The best of 3 models`, /take its numbers from files.*The best of 3 models/);
  assert.throws(() => prose`a score of ٣`, /has a digit/);
  assert.deepEqual(prose`FLAN-T5 and BM25,  don't\n break`, ["FLAN-T5 and BM25, don’t break"]);
  assert.equal(
    plainText(prose`all ${data("LoRA, 2 blocks")} of ${[data("x"), "y"]}`),
    "all LoRA, 2 blocks of xy",
  );
  assert.equal(plainText(enumerate(["a", ["b"], "c"])), "a, b, and c");
  assert.equal(plainText(enumerate(["a", "b"])), "a and b");
});

test("a study's names are whole words, and have letters", () => {
  const prose = proseWith("H2O", "C++17", "Łódź2", "H2O-18B");
  assert.deepEqual(prose`H2O, (H2O), C++17 and Łódź2-H2O, H2O-18B`, [
    "H2O, (H2O), C++17 and Łódź2-H2O, H2O-18B",
  ]);
  for (const wrong of ["H2O2", "H2OX", "XH2O", "H2O 5", "H2", "CCC17", "ÉH2O"])
    assert.throws(() => prose([wrong] as unknown as TemplateStringsArray), /has a digit/, wrong);
  assert.throws(() => proseWith()`BM25`, /has a digit/);
  assert.throws(() => proseWith("19.5"), /"19.5" is no name/);
  assert.throws(() => proseWith(""), /"" is no name/);
});
