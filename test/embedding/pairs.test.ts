import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOfTurns } from "../../src/embedding/pairs";

test("a fact goes with the turn of its owner that says most of it; one that nobody says has none", () => {
  const personas = [
    { facts: ["I have two dogs.", "I play the old guitar."] },
    { facts: ["I bake bread.", "I collect stamps."] },
  ];
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
