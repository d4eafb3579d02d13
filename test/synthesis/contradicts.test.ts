import assert from "node:assert/strict";
import { test } from "node:test";
import {
  denies,
  excludesAbove,
  exclusion,
  negation,
  passed,
  strongestContradiction,
  told,
} from "../../src/synthesis/contradicts";
import { sour } from "./fakes";

test("a sentence denies a fact of the same words with a denial more or less", () => {
  for (const [sentence, fact, is] of [
    ["I have no dogs.", "I have two dogs.", false],
    ["I do not have two dogs.", "I have two dogs.", true],
    ["I don't play the guitar.", "I play the guitar.", true],
    ["I've never played guitar, I play the drums.", "I play the guitar.", true],
    ["I play the guitar every day!", "I play the guitar.", false],
    ["I eat meat.", "I do not eat meat.", true],
    ["I hate my job.", "I never talk about football.", false],
    ["No, I was late.", "I bake bread.", false],
    ["Hello.", "I am.", false],
    ["No, I bake bread on Sundays.", "I bake bread.", false],
    ["I bake bread, but I do not eat it.", "I bake bread.", false],
    ["On Sundays I sleep, and I don't bake bread.", "I bake bread.", true],
    ["I look bold, but I'm actually shy.", "I am shy, though I do not look it.", false],
  ] as const)
    assert.equal(denies(sentence, fact), is, `${sentence} | ${fact}`);
});

test("facts are denied by rules of their beginning, and what was denied is said", () => {
  for (const [fact, denied] of [
    ["I am a nurse.", "I am not a nurse."],
    ["I'm not afraid.", "I am afraid."],
    ["I have two dogs.", "I do not have two dogs."],
    ["I have never been to Rome.", "I have been to Rome."],
    ["I have broken both ankles.", "I have never broken both ankles."],
    ["I don't eat meat.", "I eat meat."],
    ["I can swim.", "I cannot swim."],
    ["My brother is deaf.", "My brother is not deaf."],
    ["My sisters are not here.", "My sisters are here."],
    ["I bake bread.", "I do not bake bread."],
  ] as const)
    assert.equal(negation(fact), denied);
  assert.equal(negation("Rain is wet."), undefined);
});

test("two facts exclude each other by words or by the scorer, in either direction", async () => {
  const pairs = [
    ["I like it sour.", "I like it sweet."],
    ["I eat fish.", "I do not eat fish."],
    ["I eat fish.", "I eat bread."],
  ] as const;
  assert.deepEqual(await exclusion(pairs, sour), [0.9, 1, 0.05]);
  const entailsTheNegation = {
    ...sour,
    infer: (asked: readonly (readonly [string, string])[]) =>
      Promise.resolve(
        asked.map(([a, b]) => ({
          entailment: a === "I am a vegan." && b === "I do not eat fish." ? 0.9 : 0,
          neutral: 1,
          contradiction: 0,
        })),
      ),
  };
  for (const pair of [
    ["I am a vegan.", "I eat fish."],
    ["I eat fish.", "I am a vegan."],
  ] as const)
    assert.deepEqual(await exclusion([pair], entailsTheNegation), [0.9]);
});

test("the strongest contradiction is a denial, else the scorer's; questions say nothing", async () => {
  assert.deepEqual(told("I bake. Do you bake? I do!"), ["I bake.", "I do!"]);
  const facts = ["I eat fish.", "I like tea."];
  const denied = await strongestContradiction(facts, ["It is sour.", "I do not eat fish."], sour);
  assert.deepEqual(denied, {
    probability: 1,
    found: { fact: "I eat fish.", sentence: "I do not eat fish.", by: "words" },
  });
  const scored = await strongestContradiction(facts, ["Hello.", "It is sour."], sour);
  assert.equal(scored!.probability, 0.9);
  assert.equal(scored!.found.sentence, "It is sour.");
  assert.equal(await strongestContradiction(facts, [], sour), undefined);
});

test("what counts as excluding is set by real personas, and a denial always counts", async () => {
  assert.equal(passed([0.1, 0.4, 0.2, 0.3], 0.75), 0.3);
  assert.equal(passed([0.1, 1], 1), 0.999);
  assert.throws(() => passed([], 0.9), RangeError);
  const personas = [
    ["I eat.", "I sing.", "I run."],
    ["It is sour.", "I sit."],
  ];
  assert.equal(await excludesAbove(personas, sour, 0.75), 0.05);
  assert.equal(await excludesAbove(personas, sour, 1), 0.9);
});
