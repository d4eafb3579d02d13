import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { joinRotaryPairs, splitRotaryPairs } from "../../../src/models/layers/interleave";

test("the pairs of each head are split into its first and its second halves, whole rows at a time", () => {
  // Two heads of four rows of two; row r holds r and -r.
  const joined = Float32Array.from({ length: 16 }, (_, i) => (i % 2 ? -1 : 1) * Math.floor(i / 2));
  splitRotaryPairs(joined, 2, 2);
  assert.deepEqual(
    [...joined].filter((_, i) => i % 2 === 0),
    [0, 2, 1, 3, 4, 6, 5, 7],
  );
  assert.deepEqual(
    [...joined].filter((_, i) => i % 2 === 1),
    [-0, -2, -1, -3, -4, -6, -5, -7],
  );
});

test("joining undoes splitting", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      (heads, half, width) => {
        const before = Uint8Array.from({ length: heads * half * 2 * width }, (_, i) => i);
        const data = before.slice();
        splitRotaryPairs(data, heads, width);
        joinRotaryPairs(data, heads, width);
        assert.deepEqual(data, before);
      },
    ),
  );
  assert.throws(
    () => splitRotaryPairs(new Float32Array(6), 2, 1),
    /6 elements in rows of 1 are not 2 heads of an even size/,
  );
});
