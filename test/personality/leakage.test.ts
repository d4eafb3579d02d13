import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dialogue } from "../../src/corpus/dialogue";
import { leakage, leakedTurns } from "../../src/personality/leakage";

const personas: Dialogue["personas"] = [
  { facts: ["I drive a night tram."] },
  { facts: ["I repair sewing machines."] },
];
const turns = (...texts: string[]): Dialogue["turns"] =>
  texts.map((text, i) => ({ speaker: i % 2 === 0 ? 1 : 2, text }));

test("who says the other's fact as one's own before the other has leaks it", () => {
  const found = leakedTurns({ personas, turns: turns("I repair sewing machines.", "Do you?") });
  assert.deepEqual(found, [{ at: 0, speaker: 1, fact: "I repair sewing machines." }]);
});

test("no leak: told before, a question about the other, one's own fact, or a fact that both have", () => {
  const leaks = (...texts: string[]) => leakedTurns({ personas, turns: turns(...texts) }).length;
  assert.equal(leaks("Hello.", "I repair sewing machines.", "I have old sewing machines to repair."), 0);
  assert.equal(leaks("Can you repair sewing machines?"), 0);
  assert.equal(leaks("I drive a night tram."), 0);
  const both: Dialogue["personas"] = [personas[0], { facts: ["I drive the night tram."] }];
  assert.equal(leakedTurns({ personas: both, turns: turns("I drive a night tram.") }).length, 0);
});

test("shares over dialogues: of turns about oneself, and of facts that their owners say", () => {
  const leaking = { personas, turns: turns("I repair sewing machines.", "I do that.") };
  const proper = { personas, turns: turns("I drive a night tram.", "My tea is cold.") };
  const found = leakage([leaking, proper], { resamples: 50 });
  assert.equal(found.leaking.value, 1 / 4);
  assert.equal(found.factsSaid.value, 1 / 4);
  assert.equal(leakage([proper], { resamples: 5 }).leaking.high, 0);
});
