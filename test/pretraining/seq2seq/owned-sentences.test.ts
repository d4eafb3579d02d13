import assert from "node:assert/strict";
import { test } from "node:test";
import { ownedSentencesExample } from "../../../src/pretraining/seq2seq/owned-sentences";
import { Random } from "../../../src/random/random";
import { tinyDocument, tinyTokens, tinyWords } from "../tiny-documents";

const [document, other] = [tinyDocument(1), tinyDocument(2)];
const words = tinyWords([document, other]);
const part = { start: 0, end: 30 };
const { between, eos } = tinyTokens;
const lengths = { input: 100, target: 100 };
const draw = (seed: number) =>
  ownedSentencesExample(document, part, other, words, tinyTokens, lengths, new Random(seed));

test("owned sentences: the target is the part of the dialogue, or the sentences again where no token stands between", () => {
  const text = document.tokens.slice(part.start, part.end);
  let [repeated, asItIs] = [0, 0];
  for (let seed = 0; seed < 400; seed++) {
    const { inputIds, labels } = draw(seed);
    assert.equal(inputIds.at(-1), eos);
    assert.equal(labels.at(-1), eos);
    if (!inputIds.includes(between)) {
      repeated++;
      assert.deepEqual(labels, inputIds);
    } else if (labels.slice(0, -1).every((id, i) => id === text[i])) asItIs++;
    else assert.equal(labels.length, text.length + 1, "a word swapped for another of one token");
  }
  assert.ok(Math.abs(repeated - 80) < 30, `${repeated} of 400 repeat`);
  // Two of five have swapped words.
  assert.ok(Math.abs(asItIs / (400 - repeated) - 0.6) < 0.12, `${asItIs} have no word swapped`);
});

test("owned sentences: a word that is swapped is the same in input and target", () => {
  for (let seed = 0; seed < 200; seed++) {
    const { inputIds, labels } = draw(seed);
    const cut = inputIds.indexOf(between);
    if (cut < 0) continue;
    const [mine] = inputIds.slice(0, cut).length >= 8 ? [inputIds.slice(0, 8)] : [];
    // A sentence of the document that was given stands in the target as it was given.
    const text = labels.join(" ");
    const strange = other.sentences.map(({ start, end }) => other.tokens.slice(start, end));
    const isStrange = (sentence: readonly number[]) =>
      strange.some((tokens) => tokens.filter((id, i) => id === sentence[i]).length >= 4);
    if (mine && !isStrange(mine)) assert.ok(text.includes(mine.join(" ")), `seed ${seed}`);
  }
});
