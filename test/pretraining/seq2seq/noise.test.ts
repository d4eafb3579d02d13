import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { noiseMask } from "../../../src/pretraining/seq2seq/noise";
import { Random } from "../../../src/random/random";

test("a noise mask has the asked number of noise tokens and spans, and begins with what is kept", () => {
  const mask = noiseMask(100, 0.15, 3, new Random(1));
  assert.equal(mask.filter(Boolean).length, 15);
  assert.equal(mask.filter((noise, i) => noise && !mask[i - 1]).length, 5);
  assert.equal(mask[0], false);
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 200 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.double({ min: 1, max: 10, noNaN: true }),
      fc.integer(),
      (length, density, span, seed) => {
        const drawn = noiseMask(length, density, span, new Random(seed));
        const noise = drawn.filter(Boolean).length;
        assert.equal(drawn.length, length);
        assert.ok(noise >= 1 && noise < length && drawn[0] === false);
      },
    ),
  );
});
