import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { rememberWords } from "../../../src/models/tokenizer/remember-words";
import { loadTokenizer } from "../../../src/models/tokenizer/tokenizer";

const embedded = join(__dirname, "../../../data/model");

test("a word's pieces are searched once", () => {
  const searched: string[] = [];
  const model = { tokenize: (word: string) => (searched.push(word), [...word]) };
  rememberWords({ _tokenizer: { model } });
  for (const word of ["cat", "mat", "cat", "constructor", "cat"])
    assert.deepEqual(model.tokenize(word), [...word]);
  assert.deepEqual(searched, ["cat", "mat", "constructor"]);
});

test("the words kept are limited, and a forgotten one is searched again", () => {
  let searches = 0;
  const model = { tokenize: (word: string) => (searches++, [word]) };
  rememberWords({ _tokenizer: { model } });
  const words = (1 << 16) + 1;
  for (let i = 0; i < words; i++) model.tokenize(`w${i}`);
  assert.deepEqual([model.tokenize("w0"), searches], [["w0"], words + 1]);
  assert.deepEqual([model.tokenize("w0"), searches], [["w0"], words + 1]);
});

test("what has no such model stays as it is", () => {
  const bpe = { encode: () => [] };
  rememberWords({ _tokenizer: { model: bpe } });
  assert.deepEqual(Object.keys(bpe), ["encode"]);
  rememberWords({});
});

test("a loaded Unigram tokenizer remembers, and gives the same ids again", async () => {
  const tokenizer = await loadTokenizer(embedded);
  const { model } = (
    tokenizer as unknown as {
      pretrained: { _tokenizer: { model: { tokenize: (word: string) => string[] } } };
    }
  ).pretrained._tokenizer;
  const text = "My sister keeps bees; my sister's bees keep her. Ærøskøbing \u{1f41d}!";
  const first = tokenizer.encode(text);
  assert.equal(model.tokenize("▁sister"), model.tokenize("▁sister"), "one array, not two equal ones");
  const fresh = await loadTokenizer(embedded);
  assert.deepEqual(tokenizer.encode(text), first);
  assert.deepEqual(fresh.encode(text), first);
});
