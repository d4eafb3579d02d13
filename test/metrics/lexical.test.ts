import assert from "node:assert/strict";
import { test } from "node:test";
import { mtld, typeTokenRatio } from "../../src/metrics/lexical";
import { simpleTokens } from "../../src/text/characters";

const dog = simpleTokens(
  "I like to read, and I like to write. And I like my dog, but my dog does not like to read!",
);

test("MTLD of a text whose scans were computed by hand", () => {
  // Forwards two full segments of 11 tokens; backwards 1.59523… factors: 22 / 13.79104478.
  assert.equal(dog.length, 22);
  assert.ok(Math.abs(mtld(dog) - 12.39552239) < 1e-8);
  assert.ok(Math.abs(mtld([...dog].reverse()) - mtld(dog)) < 1e-12);
});

test("MTLD where no token repeats is the number of tokens, of one that always repeats two", () => {
  assert.equal(mtld(["a", "b", "c"]), 3);
  assert.equal(mtld([]), 0);
  // Each "a a" has a ratio of 1/2 and is a segment.
  assert.equal(mtld(Array<string>(10).fill("a")), 2);
});

test("what is left behind the last segment is a part of a factor", () => {
  // a a is a segment, and b c b, at 2/3, another.
  const forwards = 5 / (1 + 1);
  assert.equal(2 / 3 <= 0.72, true);
  assert.equal(mtld(["a", "a", "b", "c", "b"]), forwards);
  // a a | b c d b: ratio 3/4 is above 0.72, so that (1 − 3/4) / 0.28 is left; backwards b d c b a a: 4/6 is a segment at the sixth.
  const rest = 6 / (1 + 0.25 / (1 - 0.72));
  assert.ok(Math.abs(mtld(["a", "a", "b", "c", "d", "b"]) - (rest + 6 / 1) / 2) < 1e-12);
});

test("the type–token ratio is that of the first tokens, and refused where there are too few", () => {
  assert.equal(typeTokenRatio(dog, 22), 0.5);
  assert.equal(typeTokenRatio(dog, 4), 1);
  assert.throws(() => typeTokenRatio(dog, 23), /there are 22 tokens, fewer than 23/);
  assert.throws(() => typeTokenRatio(dog, 0), /a whole number from 1/);
});
