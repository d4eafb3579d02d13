import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  continuation,
  noiseMask,
  sentencePermutation,
  spanCorruption,
  wholeTextDenoising,
} from "../../src/pretraining/denoising";
import { Random } from "../../src/random/random";

const special = { sentinels: Array.from({ length: 100 }, (_, i) => 1000 + i), eos: 1 };
const isSentinel = (token: number) => token >= 1000;
const lengths = { input: 128, target: 96 };
const texts = fc.array(fc.integer({ min: 3, max: 999 }), { minLength: 2, maxLength: 120 });

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

test("a continuation reads what fits before a place, and writes what comes after it", () => {
  const tokens = Array.from({ length: 300 }, (_, i) => 3 + i);
  const middle = continuation(tokens, 200, special, lengths);
  assert.deepEqual(middle.inputIds, [...tokens.slice(200 - 127, 200), special.eos]);
  assert.deepEqual(middle.labels, tokens.slice(200, 296));
  const start = continuation(tokens, 0, special, lengths);
  assert.deepEqual(start.inputIds, [special.eos]);
  const end = continuation(tokens, 290, special, lengths);
  assert.deepEqual(end.labels, [...tokens.slice(290), special.eos]);
});

test("sentence permutation: the target is the text, the input some of its sentences in any order", () => {
  const tokens = Array.from({ length: 60 }, (_, i) => 3 + i);
  const sentences = [0, 12, 24, 36, 48].map((start) => ({ start: start + 2, end: start + 12 }));
  const shares: number[] = [];
  let moved = false;
  for (let seed = 0; seed < 200; seed++) {
    const { inputIds, labels } = sentencePermutation(tokens, sentences, special, lengths, new Random(seed));
    assert.deepEqual(labels, [...tokens, special.eos]);
    const pieces = inputIds.slice(0, -1);
    assert.equal(inputIds.at(-1), special.eos);
    const firsts = pieces.filter((_, i) => i % 10 === 0).map((token) => token - 3);
    const given = firsts.map((start) => sentences.find((span) => span.start === start)!);
    assert.deepEqual(
      pieces,
      given.flatMap(({ start, end }) => tokens.slice(start, end)),
    );
    assert.equal(new Set(firsts).size, firsts.length);
    shares.push(given.length / sentences.length);
    moved ||= firsts.some((start, i) => start < (firsts[i - 1] ?? 0));
  }
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  assert.ok(mean > 0.4 && mean < 0.6, `${mean} of the sentences on average`);
  assert.ok(moved);
});
