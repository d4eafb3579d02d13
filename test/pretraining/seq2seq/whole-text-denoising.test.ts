import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wholeTextDenoising } from "../../../src/pretraining/seq2seq/whole-text-denoising";
import { Random } from "../../../src/random/random";

const special = { sentinels: Array.from({ length: 100 }, (_, i) => 1000 + i), eos: 1 };
const isSentinel = (token: number) => token >= 1000;
const texts = fc.array(fc.integer({ min: 3, max: 999 }), { minLength: 2, maxLength: 120 });

test("whole-text denoising: the target is the text, the input has it with gaps", () => {
  fc.assert(
    fc.property(texts, fc.integer(), (tokens, seed) => {
      const { inputIds, labels } = wholeTextDenoising(
        tokens,
        special,
        { input: 500, target: 500 },
        new Random(seed),
      );
      assert.deepEqual(labels, [...tokens, special.eos]);
      const pieces = inputIds.slice(0, -1);
      assert.ok(pieces.includes(special.sentinels.at(-1)!));
      // What is left of the text is a subsequence of it.
      let at = 0;
      for (const token of pieces.filter((piece) => !isSentinel(piece))) {
        at = tokens.indexOf(token, at) + 1;
        assert.ok(at > 0);
      }
    }),
  );
});
