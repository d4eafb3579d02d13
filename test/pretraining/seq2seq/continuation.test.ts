import assert from "node:assert/strict";
import { test } from "node:test";
import { continuation } from "../../../src/pretraining/seq2seq/continuation";

const special = { eos: 1 };
const lengths = { input: 128, target: 96 };

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
