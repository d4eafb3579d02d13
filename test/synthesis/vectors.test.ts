import assert from "node:assert/strict";
import { test } from "node:test";
import { TfidfIndex } from "../../src/retrieval/tfidf";
import { denseEmbedding, TextVectors, tfidfEmbedding } from "../../src/synthesis/vectors";

const texts = ["I bake rye bread.", "I bake bread.", "I sail a small boat.", "My boat is small."];

test("TF-IDF vectors have the cosines that a search among their texts scores by", async () => {
  const vectors = await TextVectors.of(texts, tfidfEmbedding(texts));
  const index = TfidfIndex.build(texts);
  texts.forEach((text, a) => {
    for (const { index: b, score } of index.search(text, texts.length))
      assert.ok(Math.abs(vectors.cosine(a, b) - score) < 1e-9, `${a} ${b}`);
    assert.ok(Math.abs(vectors.cosine(a, a) - 1) < 1e-9);
  });
  const unknown = await TextVectors.of(["Zzz!"], tfidfEmbedding(texts));
  assert.equal(unknown.nearest(0, vectors)!.cosine, 0, "a text of unknown terms is like none");
});

test("an encoder's rows are vectors; lists of them are joined, picked from and searched", async () => {
  const rows: Record<string, number[]> = { a: [1, 0], b: [0, 1], c: [0.6, 0.8] };
  const embedding = denseEmbedding((all) =>
    Promise.resolve(Float32Array.from(all.flatMap((text) => rows[text]!))),
  );
  const [ab, c] = [await TextVectors.of(["a", "b"], embedding), await TextVectors.of(["c"], embedding)];
  assert.equal(c.nearest(0, ab)!.place, 1);
  assert.ok(Math.abs(c.nearest(0, ab)!.cosine - 0.8) < 1e-6);
  const all = ab.with(c);
  assert.deepEqual(all.texts, ["a", "b", "c"]);
  assert.ok(Math.abs(all.cosine(0, 2) - 0.6) < 1e-6);
  assert.deepEqual(all.pick([2, 0]).texts, ["c", "a"]);
  const none = await TextVectors.of([], embedding);
  assert.equal(c.nearest(0, none), undefined);
});
