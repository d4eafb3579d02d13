import assert from "node:assert/strict";
import { test } from "node:test";
import { buildSmallSplits, randomSplits } from "../../../src/corpus/spc/splits";
import type { SpcRow } from "../../../src/corpus/spc/types";

const conversation = (id: string): SpcRow => ({
  id,
  split: "train",
  part: "train",
  row: 1,
  fileLine: 1,
  personas: [{ facts: [] }, { facts: [] }],
  turns: [],
  asides: [],
  text: "",
  oddities: {},
});
const many = (n: number, prefix = "c") => Array.from({ length: n }, (_, i) => conversation(`${prefix}${i}`));
const ids = (conversations: SpcRow[]) => conversations.map(({ id }) => id);

test("8:1:1 puts each conversation in one split and labels it", () => {
  const splits = randomSplits(many(109), 1);
  assert.deepEqual([splits.train.length, splits.valid.length, splits.test.length], [89, 10, 10]);
  assert.ok(splits.valid.every(({ split, part }) => split === "valid" && part === "train"));
  const all = [...splits.train, ...splits.valid, ...splits.test];
  assert.deepEqual(new Set(ids(all)), new Set(ids(many(109))));
});

test("the same seed gives the same splits, another seed others", () => {
  assert.deepEqual(randomSplits(many(50), 3), randomSplits(many(50), 3));
  assert.notDeepEqual(ids(randomSplits(many(50), 3).test), ids(randomSplits(many(50), 4).test));
});

test("small splits are drawn from their own split; a smaller draw begins a larger one", () => {
  const splits = { train: many(30, "a"), valid: many(20, "b"), test: many(10, "c") };
  const small = buildSmallSplits(splits, 4, 3, 2, 7);
  const larger = buildSmallSplits(splits, 8, 20, 2, 7);
  assert.deepEqual([small.train.length, small.valid.length, small.test.length], [4, 3, 2]);
  assert.ok(small.valid.every(({ id }) => id.startsWith("b")));
  assert.deepEqual(ids(larger.train).slice(0, 4), ids(small.train));
  assert.equal(new Set(ids(larger.valid)).size, 20);
});

test("more than there is, or no count at all, is refused", () => {
  const splits = { train: many(3), valid: many(3), test: many(3) };
  assert.throws(() => buildSmallSplits(splits, 3, 4, 3), /valid: 4 conversations asked for, 0 to 3/);
  assert.throws(() => buildSmallSplits(splits, -1, 1, 1), RangeError);
  assert.throws(() => buildSmallSplits(splits, 1.5, 1, 1), RangeError);
});
