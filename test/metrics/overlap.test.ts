import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { distinctN, jaccard, lengthRatio, personaCoverage, unigramF1 } from "../../src/metrics/overlap";
import { rougeN } from "../../src/metrics/rouge";
import { simpleTokens } from "../../src/text/characters";

const text = fc.string({ unit: "grapheme", maxLength: 80 });
const english = fc
  .array(fc.constantFrom("I", "like", "Tea", "don't", "2", "dogs", "."), { maxLength: 30 })
  .map((words) => words.join(" "));

test("simple tokens: letters, marks and digits of any script, and emoji one by one", () => {
  assert.deepEqual(simpleTokens("I don't like 2_cats!"), ["i", "don", "t", "like", "2", "cats"]);
  assert.deepEqual(simpleTokens("Привет, мир 你好 हिन्दी"), ["привет", "мир", "你好", "हिन्दी"]);
  assert.deepEqual(simpleTokens("ok🙂🙂👩‍👩‍👧👍🏽"), ["ok", "🙂", "🙂", "👩‍👩‍👧", "👍🏽"]);
  assert.deepEqual(simpleTokens(" \n…"), []);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (ascii) => {
      assert.deepEqual(simpleTokens(ascii), ascii.toLowerCase().match(/[a-z0-9]+/g) ?? []);
    }),
  );
});

test("Jaccard by hand, symmetric, in bounds, 1 for equal texts", () => {
  assert.equal(jaccard("a b c", "B c d"), 2 / 4);
  assert.equal(jaccard("привет мир", "привет"), 1 / 2);
  assert.equal(jaccard("🙂", "🚀"), 0);
  assert.equal(jaccard("", "a"), 0);
  assert.equal(jaccard("", ""), 1);
  fc.assert(
    fc.property(text, text, (a, b) => {
      const value = jaccard(a, b);
      assert.equal(value, jaccard(b, a));
      assert.ok(value >= 0 && value <= 1);
      assert.equal(jaccard(a, a), 1);
      assert.equal(jaccard(a, `${b} ${b}`), value);
    }),
  );
});

test("persona coverage is the share of the persona's words that the output says", () => {
  const persona = ["I like tea.", "I have two dogs."];
  assert.equal(personaCoverage("My dogs like me", persona), 2 / 6);
  assert.equal(personaCoverage("My dogs like me", persona, { ignoreStopWords: true }), 2 / 4);
  assert.equal(personaCoverage("I have to go", persona, { ignoreStopWords: true }), 0);
  assert.equal(personaCoverage("🙂 да", "люблю 🙂"), 1 / 2);
  assert.equal(personaCoverage("anything", ""), 0);
  assert.equal(personaCoverage("", persona), 0);
  assert.equal(personaCoverage("tea", "to be", { ignoreStopWords: true }), 0);
  fc.assert(
    fc.property(english, english, (output, words) => {
      const value = personaCoverage(output, words);
      assert.ok(value >= 0 && value <= 1);
      assert.equal(personaCoverage(output, words.split(" ")), value);
      assert.ok(personaCoverage(`${output} ${words}`, words) === 1 || simpleTokens(words).length === 0);
    }),
  );
});

test("unigram F1 is ROUGE-1's F on English, symmetric", () => {
  assert.equal(unigramF1("a b b c", "b b b"), (2 * 0.5 * (2 / 3)) / (0.5 + 2 / 3));
  assert.equal(unigramF1("да нет", "да"), 2 / 3);
  assert.equal(unigramF1("", ""), 0);
  fc.assert(
    fc.property(english, english, (a, b) => {
      assert.equal(unigramF1(a, b), rougeN(a, b, 1).fmeasure);
      assert.ok(Math.abs(unigramF1(a, b) - unigramF1(b, a)) < 1e-15);
    }),
  );
});

test("distinct-n by hand, within texts only", () => {
  assert.equal(distinctN("a b a b", 1), 2 / 4);
  assert.equal(distinctN("a b a b", 2), 2 / 3);
  assert.equal(distinctN(["a b", "a b"], 2), 1 / 2);
  assert.equal(distinctN(["a", "b"], 2), 0);
  assert.equal(distinctN([]), 0);
  assert.throws(() => distinctN("a", 1.5), /whole number/);
});

test("length ratio", () => {
  assert.equal(lengthRatio("a b c", "a b"), 1.5);
  assert.equal(lengthRatio("", "a"), 0);
  assert.equal(lengthRatio("a", ""), 0);
});
