import assert from "node:assert/strict";
import { test } from "node:test";
import { splitSelections } from "../../src/alignment/splits";
import { row } from "./tiny";

const rows = (dialogues: number, each: number) =>
  Array.from({ length: dialogues * each }, (_, i) =>
    row({ id: String(i), dialogue: String(Math.floor(i / each)) }),
  );

test("whole dialogues go into one split, a tenth of the rows to each of two", () => {
  const { train, valid, test: held } = splitSelections(rows(40, 5), 1);
  assert.deepEqual([train.length, valid.length, held.length], [160, 20, 20]);
  const of = (split: typeof train) => new Set(split.map(({ dialogue }) => dialogue));
  for (const dialogue of of(valid)) assert.ok(!of(train).has(dialogue) && !of(held).has(dialogue));
  assert.ok(train.every(({ split }) => split === "train") && held.every(({ split }) => split === "test"));
  assert.deepEqual(splitSelections(rows(40, 5), 1), splitSelections(rows(40, 5), 1));
  assert.notDeepEqual(splitSelections(rows(40, 5), 1).test, splitSelections(rows(40, 5), 2).test);
});

test("three dialogues are one for each; fewer are refused", () => {
  for (let seed = 0; seed < 20; seed++) {
    const { train, valid, test: held } = splitSelections(rows(3, 2), seed);
    assert.deepEqual([train.length, valid.length, held.length], [2, 2, 2]);
  }
  assert.throws(
    () => splitSelections(rows(2, 9), 1),
    /by whole dialogues: 2 are too few; name the dialogue of each row/,
  );
});
