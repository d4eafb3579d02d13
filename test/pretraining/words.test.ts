import assert from "node:assert/strict";
import { test } from "node:test";
import { Words } from "../../src/pretraining/words";
import { Random } from "../../src/random/random";
import { tinyDocument } from "./tiny-documents";

/** 1 to 9 by their spelling: two words of two tokens, a comma, and words that are too short or have a capital. */
const spelling = ["", "▁kay", "ak", "ing", ",", "▁sail", "▁a", "▁Anna", "▁", "rare"];
const document = (tokens: readonly number[]) => ({ ...tinyDocument(1), tokens });
const text = [7, 1, 2, 4, 6, 5, 3, 4, 8, 9];
const wordsOf = (documents: readonly ReturnType<typeof document>[]) =>
  new Words(documents, (id) => spelling[id]);
const spelled = (ids: readonly number[]) => ids.map((id) => spelling[id]).join("");

test("a word of both texts becomes another one of the corpus, the same in both", () => {
  const words = wordsOf([document(text)]);
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const [one, other] = words.swap([1, 2, 4, 7], [7, 7, 1, 2], new Random(seed));
    const [first, second] = [spelled(one), spelled(other)];
    const became = /^▁([a-z▁]+),▁Anna$/.exec(first)?.[1];
    assert.ok(became !== undefined, first);
    assert.equal(second, `▁Anna▁Anna▁${became}`);
    seen.add(became);
  }
  assert.deepEqual([...seen].sort(), ["kayak", "rare", "sailing"]);
});

test("nothing else is swapped: not words of one text alone, short ones, names, nor marks", () => {
  const words = wordsOf([document(text)]);
  for (let seed = 0; seed < 20; seed++) {
    assert.deepEqual(words.swap([1, 2, 6], [5, 3, 6], new Random(seed)), [
      [1, 2, 6],
      [5, 3, 6],
    ]);
    assert.deepEqual(words.swap([6, 7, 4], [6, 7, 4], new Random(seed)), [
      [6, 7, 4],
      [6, 7, 4],
    ]);
  }
});

test("a word that is everywhere is not swapped, though it may take another's place", () => {
  const often = document(Array.from({ length: 3002 }, (_, i) => (i % 2 === 0 ? 1 : 2)));
  const words = wordsOf([often, document([5, 3])]);
  let became = 0;
  for (let seed = 0; seed < 20; seed++) {
    assert.deepEqual(words.swap([1, 2], [1, 2], new Random(seed))[0], [1, 2]);
    became += Number(words.swap([5, 3], [5, 3], new Random(seed))[0][0] === 1);
  }
  assert.ok(became > 0);
});
