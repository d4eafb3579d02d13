import assert from "node:assert/strict";
import { test } from "node:test";
import { copyingText } from "../../../src/pretraining/causal/copying";
import { Random } from "../../../src/random/random";
import { tinyDocument, tinyTokens } from "../tiny-documents";

test("a part of a dialogue stands twice, as it is or with its tokens in any order, and is learned the second time", () => {
  const document = tinyDocument(1, 40);
  const starts = document.turns.map(({ start }) => start);
  const found = new Set<number>();
  let shuffled = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { tokens, given } = copyingText(document, tinyTokens, 120, new Random(seed));
    assert.equal(tokens.at(-1), tinyTokens.eos);
    const middle = tokens.indexOf(tinyTokens.repeat);
    const part = tokens.slice(0, middle);
    assert.equal(given, middle + 1);
    assert.deepEqual(tokens.slice(middle + 1, -1), part);
    assert.ok(tokens.length <= 120);
    const start = starts.find((at) => part.every((id, i) => id === document.tokens[at + i]));
    if (start !== undefined) {
      found.add(start);
      continue;
    }
    shuffled++;
    const sorted = [...part].sort((a, b) => a - b);
    const windows = starts.map((at) => document.tokens.slice(at, at + part.length).sort((a, b) => a - b));
    assert.ok(windows.some((window) => window.every((id, i) => id === sorted[i])));
  }
  assert.ok(found.size > 5);
  assert.ok(shuffled > 90 && shuffled < 150, `${shuffled} of 200 shuffled`);
});
