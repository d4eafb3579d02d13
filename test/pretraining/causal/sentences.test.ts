import assert from "node:assert/strict";
import { test } from "node:test";
import { sentencesText } from "../../../src/pretraining/causal/sentences";
import { Random } from "../../../src/random/random";
import { tinyDocument, tinyTokens, tinyWords } from "../tiny-documents";

test("a part of a dialogue is learned behind its sentences, and is ended where the dialogue ends", () => {
  const [document, other] = [tinyDocument(1, 30), tinyDocument(2)];
  const words = tinyWords([document, other]);
  const { write, between, eos } = tinyTokens;
  let [asItIs, whole] = [0, 0];
  for (let seed = 0; seed < 200; seed++) {
    const { tokens, given } = sentencesText(document, other, words, tinyTokens, new Random(seed));
    assert.equal(tokens[given - 1], write);
    assert.equal(tokens.indexOf(write), given - 1);
    assert.ok(tokens.slice(0, given).includes(between));
    const isEnd = tokens.at(-1) === eos;
    const part = tokens.slice(given, isEnd ? -1 : undefined);
    assert.ok(isEnd ? part.length <= 176 : part.length === 176);
    const { length } = document.tokens;
    const from = (at: number) => part.filter((id, i) => id === document.tokens[at + i]).length;
    const [start] = document.turns.map((turn) => turn.start).sort((a, b) => from(b) - from(a));
    assert.ok(from(start!) > 0.7 * part.length, "it is a part from a turn on");
    assert.equal(isEnd, start! + 176 >= length);
    asItIs += Number(from(start!) === part.length);
    whole += Number(isEnd);
  }
  assert.ok(whole > 10 && whole < 190);
  assert.ok(asItIs > 100 && asItIs < 170, `${asItIs} of 200 have no word swapped`);
});
