import assert from "node:assert/strict";
import { test } from "node:test";
import { dialogueText, personaChatText } from "../../../src/pretraining/causal/dialogue";
import type { CausalText } from "../../../src/pretraining/causal/text";
import { Random } from "../../../src/random/random";
import { tinyDocument, tinyTokens } from "../tiny-documents";

const document = tinyDocument(1);
const { endOfTurn, eos, system } = tinyTokens;
const seeds = Array.from({ length: 200 }, (_, seed) => seed);
const keyOf = (tokens: readonly number[]) => tokens.join(" ");
const turns = document.turns.map(({ start, end }) => document.tokens.slice(start, end));

test("a dialogue is as in the corpus, or each of its turns is ended, as often", () => {
  const plain = keyOf([...document.tokens, eos]);
  const chat = keyOf([...turns.flatMap((turn) => [...turn, endOfTurn]), eos]);
  const made = seeds.map((seed) => dialogueText(document, tinyTokens, 500, new Random(seed)));
  const plains = made.filter(({ tokens }) => keyOf(tokens) === plain).length;
  assert.equal(made.filter(({ tokens }) => keyOf(tokens) === chat).length, seeds.length - plains);
  assert.ok(Math.abs(plains - 100) < 30, String(plains));
  assert.ok(made.every(({ given }) => given === 0));
});

test("of a dialogue that is too long there is the beginning, or the last turns", () => {
  const whole = [...document.tokens, eos];
  const found = new Set<string>();
  for (const seed of seeds) {
    const { tokens } = dialogueText(document, tinyTokens, 25, new Random(seed));
    assert.ok(tokens.length <= 25);
    if (tokens.includes(endOfTurn)) continue;
    const isEnd = tokens.at(-1) === eos;
    assert.deepEqual(tokens, isEnd ? whole.slice(20) : whole.slice(0, 25));
    found.add(isEnd ? "end" : "beginning");
  }
  assert.equal(found.size, 2);
});

/** A chat's system message, and the label and the words of each turn. */
function parts({ tokens, given }: CausalText) {
  assert.equal(given, tokens.indexOf(endOfTurn) + 1);
  assert.equal(tokens[0], system);
  assert.equal(tokens.at(-1), eos);
  const said = keyOf(tokens.slice(given, -1)).split(` ${endOfTurn}`);
  assert.equal(said.pop(), "");
  return { told: keyOf(tokens.slice(1, given - 1)), said: said.map((turn) => turn.trim().split(" ")) };
}

test("a chat with a persona tells of the one who is User 2 in it, whoever that was", () => {
  const instructions = document.personas.map(({ instruction }) => keyOf(instruction));
  const lists = document.personas.map(({ facts }) => {
    const [one, other] = facts as [readonly number[], readonly number[]];
    return [keyOf([...one, ...other]), keyOf([...other, ...one])];
  });
  const counts: Record<string, number> = {};
  for (const seed of seeds) {
    const { told, said } = parts(personaChatText(document, tinyTokens, 500, new Random(seed)));
    const speaker = told === instructions[0] || lists[0]!.includes(told) ? 1 : 2;
    const how = instructions.includes(told) ? "instruction" : "facts";
    if (how === "facts") assert.ok(lists[speaker - 1]!.includes(told), told);
    counts[`${speaker} ${how}`] = (counts[`${speaker} ${how}`] ?? 0) + 1;
    said.forEach(([user, label, ...words], i) => {
      const isTold = document.turns[i]!.speaker === speaker;
      assert.deepEqual([user, label], ["3", isTold ? "5" : "4"]);
      assert.equal(words.join(" "), keyOf(turns[i]!.slice(2)));
    });
  }
  assert.equal(Object.keys(counts).length, 4);
  for (const count of Object.values(counts)) assert.ok(Math.abs(count - 50) < 25, JSON.stringify(counts));
});

test("a persona of whom nothing is known has no system message", () => {
  const unknown = { facts: [], instruction: [] };
  const made = personaChatText({ ...document, personas: [unknown, unknown] }, tinyTokens, 500, new Random(1));
  assert.equal(made.given, 0);
  assert.ok(!made.tokens.includes(system));
});

test("a chat that is too long keeps the persona and loses turns", () => {
  for (const seed of seeds.slice(0, 50)) {
    const { tokens, given } = personaChatText(document, tinyTokens, 35, new Random(seed));
    assert.ok(tokens.length <= 35 && tokens.length > given);
    assert.equal(tokens[given - 1], endOfTurn);
  }
});
