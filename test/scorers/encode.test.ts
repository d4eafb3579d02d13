import assert from "node:assert/strict";
import { test } from "node:test";
import { textTokens } from "../../src/scorers/encode";

/** A letter a token, 1 for the end; texts of the causal one begin with 2. */
const tokenizer = {
  textStart: [2],
  encode(text: string, { maxLength = Infinity, addEos = true } = {}) {
    const ids = [...text].map((letter) => letter.charCodeAt(0));
    return addEos ? [...ids.slice(0, maxLength - 1), 1] : ids.slice(0, maxLength);
  },
};
const [a, b, newline] = [97, 98, 10];
const t5 = { tokenizer, taskType: "SEQ_2_SEQ_LM", maxTokens: 8 } as const;
const llama = { tokenizer, taskType: "CAUSAL_LM", maxTokens: 8 } as const;

test("an encoder–decoder reads each text up to its end, a causal model lines of one text", () => {
  assert.deepEqual(textTokens(t5, "aa"), { ids: [a, a, 1], isCut: false });
  assert.deepEqual(textTokens(t5, ["aa", "b"]), { ids: [a, a, 1, b, 1], isCut: false });
  assert.deepEqual(textTokens(llama, "aa"), { ids: [2, a, a], isCut: false });
  assert.deepEqual(textTokens(llama, ["aa", "b"]), { ids: [2, a, a, newline, b], isCut: false });
});

test("of what is too long the longer text loses its end, and it is said", () => {
  const cut = (ids: number[]) => ({ ids, isCut: true });
  assert.deepEqual(textTokens(t5, "a".repeat(20)), cut([a, a, a, a, a, a, a, 1]));
  assert.deepEqual(textTokens(t5, ["a".repeat(20), "b"]), cut([a, a, a, a, a, 1, b, 1]));
  assert.deepEqual(textTokens(t5, ["a", "b".repeat(20)]), cut([a, 1, b, b, b, b, b, 1]));
  assert.deepEqual(textTokens(t5, ["a".repeat(20), "b".repeat(20)]), cut([a, a, a, 1, b, b, b, 1]));
  assert.deepEqual(textTokens(llama, ["a".repeat(20), "b"]), cut([2, a, a, a, a, a, newline, b]));
  assert.deepEqual(textTokens(llama, "a".repeat(20)), cut([2, a, a, a, a, a, a, a]));
});

test("a text without tokens is refused", () => {
  const empty = { ...llama, tokenizer: { ...tokenizer, textStart: [], encode: () => [] } };
  assert.throws(() => textTokens(empty, "x"), /"x" has no tokens/);
});
