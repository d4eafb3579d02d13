import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sentence } from "../../src/pretraining/documents";
import { ownedSentences, someSentences } from "../../src/pretraining/owned";
import { Random } from "../../src/random/random";
import { tinyDocument, tinyTokens } from "./tiny-documents";

const [document, other] = [tinyDocument(1, 6), tinyDocument(2, 6)];
const { between } = tinyTokens;
const keyOf = (tokens: readonly number[]) => tokens.join(" ");
const spelled = ({ tokens }: typeof document, { start, end }: Sentence) => keyOf(tokens.slice(start, end));

/** The sentences, eight tokens each, before and after the token between. */
function given(tokens: readonly number[]): [string[], string[]] {
  const cut = tokens.indexOf(between);
  const sentences = (part: readonly number[]) =>
    Array.from({ length: part.length / 8 }, (_, i) => keyOf(part.slice(8 * i, 8 * i + 8)));
  return [sentences(tokens.slice(0, cut)), sentences(tokens.slice(cut + 1))];
}

test("sentences stand with those of their speaker, in any order, among up to three of another dialogue", () => {
  const orders = new Set<string>();
  const strangers = new Map<number, number>();
  for (let seed = 0; seed < 300; seed++) {
    const sides = given(ownedSentences(document.sentences, document, other, between, new Random(seed)));
    let strange = 0;
    sides.forEach((sentences, side) => {
      const own = document.sentences.filter(({ speaker }) => speaker === side + 1);
      const foreign = other.sentences.filter(({ speaker }) => speaker === side + 1);
      const left = sentences.filter((one) => !own.some((sentence) => spelled(document, sentence) === one));
      assert.equal(sentences.length - left.length, own.length);
      for (const one of left) assert.ok(foreign.some((sentence) => spelled(other, sentence) === one));
      strange += left.length;
    });
    strangers.set(strange, (strangers.get(strange) ?? 0) + 1);
    orders.add(
      sides[0].filter((one) => document.sentences.some((s) => spelled(document, s) === one)).join("|"),
    );
  }
  assert.deepEqual([...strangers.keys()].sort(), [0, 1, 2, 3]);
  assert.ok(Math.abs(strangers.get(0)! - 120) < 35, "two of five have none");
  assert.equal(orders.size, 6, "all orders of three sentences");
});

test("some of the sentences of a part, between a fifth and four fifths", () => {
  const part = { start: 10, end: 50 };
  const shares = Array.from({ length: 400 }, (_, seed) => {
    const kept = someSentences(document, part, new Random(seed));
    assert.ok(kept.every(({ start, end }) => start >= part.start && end <= part.end));
    return kept.length / 4;
  });
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  assert.ok(Math.abs(mean - 0.5) < 0.05, String(mean));
});
