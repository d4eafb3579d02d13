import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/random/random";
import { DenseIndex } from "../../src/retrieval/dense";

const WIDTH = 12;

/** A vector of length 1 for a text, drawn by its characters: equal texts have equal vectors. */
const vectorOf = (text: string): Float32Array => {
  const random = new Random([...text].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)!) | 0, 7) >>> 0);
  const values = Array.from({ length: WIDTH }, () => random.uniform() - 0.5);
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
};
const embed = (texts: readonly string[]) => {
  const rows = new Float32Array(texts.length * WIDTH);
  texts.forEach((text, i) => rows.set(vectorOf(text), i * WIDTH));
  return Promise.resolve(rows);
};

test("a search finds what scoring every text in double precision finds, ties in index order", async () => {
  // Few letters, so that texts repeat and tie.
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4 }), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(texts, fc.nat(9), fc.array(fc.nat(45), { maxLength: 4 }), async (corpus, k, exclude) => {
      const index = await DenseIndex.build(corpus, embed);
      const query = vectorOf("ba");
      const all = corpus
        .map((text, index) => {
          const vector = vectorOf(text);
          return { index, score: vector.reduce((sum, value, i) => sum + value * query[i]!, 0) };
        })
        .filter(({ index }) => !exclude.includes(index))
        .sort((a, b) => b.score - a.score || a.index - b.index);
      assert.deepEqual(await index.search("ba", k, { exclude }), all.slice(0, k));
      await index.dispose();
    }),
    { numRuns: 30 },
  );
});

test("what is no vector of length 1, or of another width, is refused by its place", async () => {
  const constant =
    (...values: number[]) =>
    () =>
      Promise.resolve(Float32Array.from(values));
  await assert.rejects(DenseIndex.build(["a", "b"], constant(1, 0, 2, 0)), /text 2 has length 2, not 1/);
  await assert.rejects(DenseIndex.build(["a", "b"], constant(1, 0, 1)), /2 texts have 3 numbers/);
  await assert.rejects(DenseIndex.build(["a"], constant(Number.NaN)), /length NaN, not 1/);
  const index = await DenseIndex.build(["a", "b"], embed);
  await assert.rejects(index.searchVector(Float32Array.of(1)), /the query has 1 numbers, the texts 12/);
  await assert.rejects(index.search("a", 1.5), /k must be a whole number/);
  await index.dispose();
  assert.deepEqual(await (await DenseIndex.build([], embed)).search("a"), []);
});
