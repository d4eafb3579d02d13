import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CausalTextKind,
  causalTextKinds,
  causalTexts,
  drawCausalText,
} from "../../../src/pretraining/causal/mixture";
import type { CausalText } from "../../../src/pretraining/causal/text";
import { Random } from "../../../src/random/random";
import { tinyDocument, tinyTokens, tinyWords } from "../tiny-documents";

const documents = [tinyDocument(1, 30), tinyDocument(2, 30)];
const material = { documents, words: tinyWords(documents), special: tinyTokens };

function kindOf({ tokens }: CausalText): CausalTextKind {
  if (tokens[0] === tinyTokens.system) return "persona chat";
  if (tokens.includes(tinyTokens.write)) return "owned sentences";
  if (!tokens.includes(tinyTokens.repeat)) return "dialogue";
  return tokens.some((id) => id >= 3 && id <= 5) ? "copying" : "facts";
}

function shares(room: number, kinds = causalTextKinds): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let seed = 0; seed < 1000; seed++) {
    const text = drawCausalText(material, kinds, room, new Random(seed));
    assert.ok(text.tokens.length <= room);
    counts[kindOf(text)] = (counts[kindOf(text)] ?? 0) + 1;
  }
  return counts;
}

test("kinds of texts are drawn by their shares, which add up to all", () => {
  const found = shares(600);
  for (const [kind, { share }] of Object.entries(causalTexts))
    assert.ok(Math.abs(found[kind]! / 1000 - share) < 0.04, `${kind}: ${found[kind]}`);
  assert.ok(Math.abs(Object.values(causalTexts).reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
});

test("in little room there are only texts that make sense there", () => {
  assert.deepEqual(Object.keys(shares(60)), ["dialogue"]);
  assert.deepEqual(Object.keys(shares(80)).sort(), ["copying", "dialogue"]);
});

test("a kind that is asked for alone is drawn whatever the room", () => {
  assert.deepEqual(shares(120, ["persona chat"]), { "persona chat": 1000 });
});
