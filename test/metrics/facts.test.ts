import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ownedFacts, ownershipMetric } from "../../src/metrics/facts";
import { bootstrapInterval } from "../../src/metrics/resampling";

const personas = [
  ["I bake rye bread.", "I own a red boat.", "I have two cats."],
  ["I am a tall nurse.", "I have two old cats."],
];

test("a fact that comes up is owned where the turn that says most of it is its own speaker's", () => {
  const counts = (output: string) => ownedFacts(output, personas);
  assert.deepEqual(counts("User 1: I bake bread.\nUser 2: I am a nurse."), { said: 2, owned: 2 });
  assert.deepEqual(counts("User 1: I am a nurse.\nUser 2: I bake bread."), { said: 2, owned: 0 });
  assert.deepEqual(counts("User 1: My boat is red.\nUser 2: I bake rye bread."), { said: 2, owned: 1 });
  assert.deepEqual(counts("User 1: Hello there.\nUser 2: Hi, how are you?"), { said: 0, owned: 0 });
  assert.deepEqual(counts(""), { said: 0, owned: 0 });
  assert.deepEqual(
    counts("User 1: I bake bread. User 2: I love rye bread!"),
    { said: 1, owned: 1 },
    "of turns that say as much of it the first counts; turns may stand on one line",
  );
  assert.deepEqual(
    counts("User 1: Do you bake?\nUser 2: I bake rye bread."),
    { said: 1, owned: 0 },
    "the other one says more of it",
  );
  assert.deepEqual(
    counts("User 1: Rye, please.\nUser 2: So you bake?"),
    { said: 0, owned: 0 },
    "no single turn has half of bake, rye, bread",
  );
});

test("a fact that both personas have belongs to neither", () => {
  assert.deepEqual(ownedFacts("User 1: My two cats sleep.\nUser 2: I have two cats, old ones.", personas), {
    said: 0,
    owned: 0,
  });
});

test("ownership is the share of all answers' facts, with an interval, and 0 where none comes up", () => {
  const counts = [
    { said: 1, owned: 1 },
    { said: 9, owned: 2 },
    { said: 0, owned: 0 },
  ];
  const { value, low, high } = bootstrapInterval(ownershipMetric(counts), { resamples: 500 });
  assert.equal(value, 3 / 10);
  assert.ok(low <= value && value <= high && high <= 1);
  assert.equal(bootstrapInterval(ownershipMetric([counts[2]!]), { resamples: 5 }).value, 0);
});

test("exchanging the speakers exchanges owned and not, where each fact is said by one turn", () => {
  const fact = fc.constantFrom("I bake rye bread.", "I own a red boat.", "I am a tall nurse.");
  const turn = fc.tuple(fc.constantFrom(1, 2), fact);
  fc.assert(
    fc.property(fc.uniqueArray(turn, { selector: ([, text]) => text }), (turns) => {
      const write = (other: boolean) =>
        turns.map(([speaker, text]) => `User ${other ? 3 - speaker : speaker}: ${text}`).join("\n");
      const [one, two] = [ownedFacts(write(false), personas), ownedFacts(write(true), personas)];
      assert.equal(one.said, turns.length);
      assert.deepEqual(two, { said: one.said, owned: one.said - one.owned });
    }),
  );
});
