import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, ChatSource } from "../../src/chat-api/source";
import {
  askedAnswerer,
  attributeIn,
  type AskedAttribute,
  expandAttributes,
} from "../../src/synthesis/attributes";
import { embedWords } from "./fakes";

const lists = [
  {
    what: "an insult",
    find: (text: string) => (text.includes("rotter") ? "rotter" : undefined),
    fingerprint: 1,
  },
];
const options = { seed: 3, rounds: 2, most: 100, sameFrom: 0.9, lists, embedding: embedWords };
const seeds = [
  "I bake rye bread.",
  "I sail a boat.",
  "My cat is grey.",
  "I teach maths.",
  "I play the drums.",
  "I live in Rome.",
];

test("the first sentence about the speaker is an attribute", () => {
  assert.equal(attributeIn("Well. I keep three bees! I sing."), "I keep three bees.");
  assert.equal(attributeIn("My brother sings"), "My brother sings.");
  assert.equal(attributeIn("It is nice. Do I sing?"), undefined);
  assert.equal(attributeIn("I, too? No."), undefined);
});

test("new attributes are kept; others are kept beside them with their reason, and rounds are counted", async () => {
  const answers = new Map([
    ["new", "I grow tall sunflowers."],
    ["again", "I grow tall sunflowers."],
    ["same", "I bake rye bread."],
    ["short", "I sing."],
    ["long", `I ${"do ".repeat(17)}sing.`],
    ["twice", "I like rock, rock and pop."],
    ["other", "You sing."],
    ["harm", "I am an old rotter."],
  ]);
  const asked: AskedAttribute[][] = [];
  const { added, rejected, rounds, vectors } = await expandAttributes(
    seeds,
    [...answers.keys()],
    {
      fingerprint: "fixed",
      answer(all, seed) {
        asked.push([...all]);
        assert.equal(seed, 3 + asked.length);
        return Promise.resolve(all.map(({ query }) => answers.get(query)!));
      },
    },
    options,
  );
  assert.deepEqual(added, [{ text: "I grow tall sunflowers.", query: "new", round: 1 }]);
  assert.deepEqual(vectors.texts, [...seeds, "I grow tall sunflowers."]);
  assert.deepEqual(rounds, [
    { round: 1, asked: 8, added: 1 },
    { round: 2, asked: 8, added: 0 },
  ]);
  assert.equal(added.length + rejected.length, 16, "nothing is lost");
  const reasons = Object.fromEntries(
    rejected.filter(({ round }) => round === 1).map(({ query, reason }) => [query, reason]),
  );
  assert.match(reasons["again"]!, /as "I grow tall sunflowers\." \(cosine 1\.00\)/);
  assert.match(reasons["same"]!, /it was shown|as "I bake rye bread/);
  assert.match(reasons["short"]!, /2 words; an attribute has 4 to 16/);
  assert.match(reasons["long"]!, /19 words/);
  assert.match(reasons["twice"]!, /it says "rock" twice/);
  assert.match(reasons["other"]!, /nothing of the speaker/);
  assert.match(reasons["harm"]!, /an insult: rotter/);
  for (const { known } of asked.flat()) assert.equal(new Set(known).size, 5);
});

test("expansion ends where enough are found", async () => {
  let number = 0;
  const words = "alpha bravo cedar delta ember fjord grape hotel igloo jolly koala lemon".split(" ");
  const answer = (all: readonly AskedAttribute[]) =>
    Promise.resolve(
      all.map(() => `I ${words[number++ % 12]!} ${words[(number * 5) % 12]!} ${number}${number}.`),
    );
  const { added, rejected, rounds } = await expandAttributes(
    seeds,
    ["a", "b", "c"],
    { fingerprint: 0, answer },
    {
      ...options,
      rounds: 9,
      most: 2,
    },
  );
  assert.equal(added.length, 2);
  assert.equal(rounds.length, 1);
  assert.equal(rejected[0]!.reason, "enough are found");
});

test("a larger model is asked for one sentence, with what is known and the question", async () => {
  const requests: ChatRequest[] = [];
  const source: ChatSource = {
    name: "larger",
    ask(request) {
      requests.push(request);
      return Promise.resolve({
        text: "I sing.",
        finish: "stop",
        usage: { promptTokens: 1, completionTokens: 1 },
        fromCache: false,
      });
    },
  };
  assert.deepEqual(await askedAnswerer(source).answer([{ known: ["I bake."], query: "Do you sing?" }], 4), [
    "I sing.",
  ]);
  const [{ messages, seed }] = requests as [ChatRequest];
  assert.match(messages[0]!.content, /- I bake\.[\s\S]*Do you sing\?[\s\S]*begins with I or My/);
  assert.equal(seed, 40_000);
});
