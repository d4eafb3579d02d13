import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { spanCorruption } from "../../../src/pretraining/seq2seq/span-corruption";
import { Random } from "../../../src/random/random";

const special = { sentinels: Array.from({ length: 100 }, (_, i) => 1000 + i), eos: 1 };
const isSentinel = (token: number) => token >= 1000;
const texts = fc.array(fc.integer({ min: 3, max: 999 }), { minLength: 2, maxLength: 120 });

test("span corruption: putting the target's spans in the sentinels' places gives the text back", () => {
  fc.assert(
    fc.property(texts, fc.integer(), (tokens, seed) => {
      const { inputIds, labels } = spanCorruption(
        tokens,
        special,
        { input: 500, target: 500 },
        new Random(seed),
      );
      assert.equal(inputIds.at(-1), special.eos);
      assert.equal(labels.at(-1), special.eos);
      const spans = new Map<number, number[]>();
      let open: number[] = [];
      for (const label of labels.slice(0, -1)) {
        if (isSentinel(label)) spans.set(label, (open = []));
        else open.push(label);
      }
      assert.deepEqual([...spans.keys()], special.sentinels.slice(0, spans.size));
      const restored = inputIds.slice(0, -1).flatMap((token) => spans.get(token) ?? [token]);
      assert.deepEqual(restored, tokens);
    }),
  );
});
