import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NgramTrie } from "../../src/text/ngrams";

test("equal n-grams have one number, different n-grams different ones, before and after growing", () => {
  const ngrams = fc.array(fc.array(fc.nat(0x10ffff), { minLength: 1, maxLength: 5 }), { maxLength: 200 });
  fc.assert(
    fc.property(ngrams, (list) => {
      const trie = new NgramTrie(1);
      const numbers = new Map<string, number>();
      for (const ngram of list) {
        const node = ngram.reduce((prefix, symbol) => trie.add(prefix, symbol), 0);
        const key = ngram.join();
        assert.equal(numbers.get(key) ?? node, node);
        numbers.set(key, node);
      }
      assert.equal(new Set(numbers.values()).size, numbers.size);
      const { parents, symbols } = trie.edges();
      const copy = NgramTrie.fromEdges(parents, symbols);
      for (const [key, node] of numbers) {
        const found = key.split(",").reduce((prefix, symbol) => copy.find(prefix, Number(symbol)), 0);
        assert.equal(found, node);
      }
      assert.equal(trie.find(0, 0x110000), 0);
    }),
  );
});

test("edges that are no trie's are refused", () => {
  const make = (parents: number[], symbols: number[]) =>
    NgramTrie.fromEdges(Int32Array.from(parents), Int32Array.from(symbols));
  assert.equal(make([0, 0, 1], [0, 7, 7]).size, 3);
  assert.throws(() => make([0, 0, 0], [0, 7, 7]), /n-gram 2/);
  assert.throws(() => make([0, 2, 0], [0, 7, 8]), /n-gram 1/);
});
