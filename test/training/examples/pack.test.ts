import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { packExamples } from "../../../src/training/examples/pack";

/** Rows of these lengths, whose tokens tell the row. */
const rows = (...lengths: number[]) =>
  lengths.map((length, i) => ({
    inputIds: new Array<number>(length).fill(i),
    labels: [-100, ...new Array<number>(length - 1).fill(i)],
  }));
const contents = (lengths: number[], capacity: number) =>
  packExamples(rows(...lengths), capacity).map(({ inputIds, sequenceLengths }) => {
    let at = 0;
    return (sequenceLengths ?? [inputIds.length]).map((length) => inputIds[(at += length) - 1]);
  });

test("the longest rows go first, each to where least room is left, the earlier of equals first", () => {
  // By TRL 1.16's pack_dataset(…, strategy="bfd").
  assert.deepEqual(contents([3, 5, 2, 7, 4, 4], 8), [[3], [1, 0], [4, 5], [2]]);
  assert.deepEqual(contents([4, 4, 4, 4], 8), [
    [0, 1],
    [2, 3],
  ]);
  assert.deepEqual(contents([6, 6, 2, 2], 8), [
    [0, 2],
    [1, 3],
  ]);
  assert.deepEqual(contents([8, 1], 8), [[0], [1]]);
  assert.deepEqual(packExamples([], 8), []);
});

test("a row alone is as it was; one that does not fit is refused", () => {
  const [alone] = rows(3);
  assert.deepEqual(packExamples([alone!], 8), [alone]);
  assert.throws(() => packExamples(rows(9), 8), /a row of 9 tokens does not fit into one of 8/);
});

test("every row is in one packed row, whole, and none is over-full", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 30 }), (lengths) => {
      const packed = packExamples(rows(...lengths), 12);
      const found = contents(lengths, 12).flat();
      assert.deepEqual(
        [...found].sort((a, b) => a! - b!),
        [...lengths.keys()],
      );
      for (const { inputIds, labels, sequenceLengths = [inputIds.length] } of packed) {
        assert.ok(inputIds.length <= 12);
        assert.equal(labels.length, inputIds.length);
        let at = 0;
        for (const length of sequenceLengths) {
          assert.equal(labels[at], -100);
          assert.equal(new Set(inputIds.slice(at, at + length)).size, 1);
          at += length;
        }
        assert.equal(at, inputIds.length);
      }
    }),
  );
});
