import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseConversation } from "../../src/corpus/spc/conversation";
import { loadCorpus } from "../../src/corpus/spc/load";
import {
  measureConversations,
  splitOverlap,
  splitWords,
  unseenShare,
  utterances,
  vocabulary,
} from "../../src/corpus/statistics";
import type { SpcRow } from "../../src/corpus/spc/types";

const real = join(__dirname, "../../../shared/data/spc");
const withoutReal = existsSync(real) ? false : "Synthetic-Persona-Chat is not at ../shared/data/spc";

const conversation = (personas: [string[], string[]], text: string): SpcRow => ({
  id: "train-1",
  split: "train",
  part: "train",
  row: 1,
  fileLine: 2,
  personas: [{ facts: personas[0] }, { facts: personas[1] }],
  text,
  ...parseConversation(text),
});

test("words keep inner apostrophes and hyphens, in any script", () => {
  assert.deepEqual(splitWords("I'm — I’m 40, twenty-one; ÉTÉ 'quoted' ok… पानी 😀"), [
    "i'm",
    "i'm",
    "40",
    "twenty-one",
    "été",
    "quoted",
    "ok",
    "पानी",
  ]);
  assert.deepEqual(splitWords(""), []);
});

test("a vocabulary is ordered, and what another lacks is a share of types and of tokens", () => {
  const counts = vocabulary(["b a b", "C a b"]);
  assert.deepEqual([...counts], [["b", 3], ["a", 2], ["c", 1]]); // prettier-ignore
  assert.deepEqual(unseenShare(counts, new Map([["b", 9]])), { types: 2 / 3, tokens: 3 / 6 });
  assert.deepEqual(unseenShare(new Map(), counts), { types: 0, tokens: 0 });
});

test("turns, words, facts and oddities are counted by speaker", () => {
  const text = "User 1: One two [name]\n[Later]\nUser 2: Three\n\nUser 1: Four";
  const subject = conversation([["A.", "B."], ["C."]], text);
  assert.deepEqual(utterances([subject]), ["One two [name]", "Three", "Four"]);
  assert.deepEqual(measureConversations([subject]), [
    {
      id: "train-1",
      split: "train",
      turns: 3,
      turnsUser1: 2,
      turnsUser2: 1,
      words: 5,
      wordsUser1: 4,
      wordsUser2: 1,
      factsUser1: 2,
      factsUser2: 1,
      placeholders: 1,
      oddities: 2,
    },
  ]);
});

test("overlap counts facts, personas and texts that two splits share", () => {
  const splits = {
    train: [conversation([["I sail.", "I cook."], ["I ski."]], "User 1: x")],
    valid: [conversation([["i  cook", "I sail!"], ["I run."]], "User 1: y")],
    test: [conversation([["I ski."], []], "User 1: x"), conversation([[], []], "")],
  };
  const [trainValid, trainTest, validTest] = splitOverlap(splits);
  assert.deepEqual(trainValid, {
    first: "train",
    second: "valid",
    sharedFacts: 2,
    factsFirst: 3,
    factsSecond: 3,
    sharedPersonas: 1,
    personasFirst: 2,
    personasSecond: 2,
    sharedConversations: 0,
  });
  assert.deepEqual(
    [trainTest!.sharedFacts, trainTest!.sharedPersonas, trainTest!.sharedConversations],
    [1, 1, 1],
  );
  assert.equal(validTest!.sharedFacts, 0);
});

test("the real corpus: official valid and test share 14 facts", { skip: withoutReal }, async () => {
  const { splits } = await loadCorpus({ directory: real });
  const overlap = splitOverlap(splits).find(({ first, second }) => first === "valid" && second === "test")!;
  assert.equal(overlap.sharedFacts, 14);
  assert.equal(overlap.sharedPersonas, 0);
});
