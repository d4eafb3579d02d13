import assert from "node:assert/strict";
import { test } from "node:test";
import { dialogueRow, profilesPrompt, tellingPart, writtenTurns } from "../../src/synthesis/dialogues";
import { dialogue } from "./fakes";

test("of a dialogue the eight turns are taken in which most facts are told by those whose they are", () => {
  const talk = Array.from({ length: 12 }, (_, i) => `Turn ${i}.`);
  const facts: [string[], string[]] = [["I bake bread."], ["I sail boats."]];
  const one = dialogue(
    "a",
    facts,
    ...talk.map((text, i) => ({ 9: "I sail boats.", 10: "I bake bread." })[i] ?? text),
  );
  assert.deepEqual(
    tellingPart(one)!.turns.map(({ text }) => text),
    one.turns.slice(3, 11).map(({ text }) => text),
  );
  assert.deepEqual(tellingPart(dialogue("b", facts, ...talk))!.turns.length, 8);
  assert.equal(tellingPart(dialogue("c", facts, ...talk.slice(0, 4))), undefined);
  assert.equal(tellingPart(dialogue("d", facts, ...talk.slice(0, 6)))!.turns.length, 6);
});

test("a row has the profiles as the embedded model knows them, or by labels, and the turns", () => {
  const words = { encode: (text: string) => text.split(" ").map(() => 1) };
  const letters = { encode: (text: string) => [...text].map(() => 1) };
  const one = dialogue("a", [["I bake.", "I sing."], ["I sail."]], "Hi.", "Hello.");
  assert.equal(
    profilesPrompt(words, [["I bake.", "I  sing."], ["I sail."]]),
    "I bake. I sing. <extra_id_50> I sail. <extra_id_0>",
  );
  assert.equal(
    profilesPrompt(letters, [["I bake."], ["I sail."]]),
    "User 1 says of themselves: I bake.\nUser 2 says of themselves: I sail.\n\n",
  );
  assert.equal(dialogueRow(words, one).completion, " User 1: Hi. User 2: Hello.");
});

test("what was written has eight turns at most, and not the one in which it was cut", () => {
  const text = Array.from({ length: 9 }, (_, i) => `User ${(i % 2) + 1}: Turn ${i}.`).join(" ");
  assert.equal(writtenTurns(text, true).length, 8);
  assert.equal(writtenTurns("User 1: Hi. User 2: I am", true).length, 1);
  assert.deepEqual(writtenTurns("User 1: Hi. User 2: I am", false)[1], { speaker: 2, text: "I am" });
  assert.deepEqual(writtenTurns("no turns", false), []);
});
