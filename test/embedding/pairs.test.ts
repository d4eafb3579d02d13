import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOfTurns, ranksOfFacts } from "../../src/embedding/pairs";

test("a fact goes with the turn of its owner that says most of it; one that nobody says has none", () => {
  const personas = [
    { facts: ["I have two dogs.", "I play the old guitar."] },
    { facts: ["I bake bread.", "I collect stamps."] },
  ] as const;
  const turns = [
    { speaker: 1 as const, text: "Hello, do you bake bread?" },
    { speaker: 2 as const, text: "I do, bread every day." },
    { speaker: 1 as const, text: "My guitar is old." },
    { speaker: 1 as const, text: "I play an old guitar." },
  ];
  assert.deepEqual(
    factsOfTurns([
      { personas, turns: [] },
      { personas, turns },
    ]),
    [
      { turn: "I play an old guitar.", fact: "I play the old guitar.", dialogue: 1 },
      { turn: "I do, bread every day.", fact: "I bake bread.", dialogue: 1 },
    ],
  );
});

test("the rank of a fact is its place among all facts that its turn finds", async () => {
  const pairs = [{ turn: "a" }, { turn: "b" }, { turn: "c" }];
  const found: Record<string, number[]> = { a: [0, 1, 2], b: [2, 0, 1], c: [1, 2, 0] };
  const search = (query: string) => Promise.resolve(found[query]!.map((index) => ({ index, score: 0 })));
  assert.deepEqual(await ranksOfFacts(pairs, { search }), [1, 3, 2]);
});
