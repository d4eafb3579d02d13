import assert from "node:assert/strict";
import { test } from "node:test";
import { copyingText } from "../../../src/pretraining/causal/copying";
import { Random } from "../../../src/random/random";
import { tinyDocument, tinyTokens } from "../tiny-documents";

test("a part of a dialogue stands twice, from a turn on, in the room that there is", () => {
  const document = tinyDocument(1, 40);
  const starts = document.turns.map(({ start }) => start);
  const found = new Set<number>();
  for (let seed = 0; seed < 200; seed++) {
    const { tokens, given } = copyingText(document, tinyTokens, 120, new Random(seed));
    assert.equal(given, 0);
    assert.equal(tokens.at(-1), tinyTokens.eos);
    const middle = tokens.indexOf(tinyTokens.repeat);
    const part = tokens.slice(0, middle);
    assert.deepEqual(tokens.slice(middle + 1, -1), part);
    assert.ok(tokens.length <= 120);
    const start = starts.find((at) => part.every((id, i) => id === document.tokens[at + i]));
    assert.ok(start !== undefined);
    found.add(start);
  }
  assert.ok(found.size > 5);
});
