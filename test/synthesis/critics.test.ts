import assert from "node:assert/strict";
import { test } from "node:test";
import { readSafetyLists } from "../../src/judges/criteria/safety";
import { openLabelScorer, embeddedScorers } from "../../src/scorers/open";
import {
  circlesCritic,
  contradictionIn,
  copyingCritic,
  faithfulAbove,
  faithfulnessCritic,
  formCritic,
  toxicityCritic,
} from "../../src/synthesis/critics";
import { negation } from "../../src/synthesis/contradicts";
import { inferenceOf } from "../../src/synthesis/scorer";
import { dialogue, sour } from "./fakes";

const facts: [string[], string[]] = [
  ["I eat fish.", "I own two grey cats."],
  ["I sail a boat.", "I play the drums."],
];
const good = dialogue(
  "good",
  facts,
  "Hello, what is for dinner?",
  "No idea. And yours?",
  "Trout, as usual, my cats get the head.",
  "Lucky cats! I am off to the harbour.",
  "Do you have a boat there?",
  "A small one, yes.",
);
const but = (turn: number, text: string) => ({
  ...good,
  turns: good.turns.map((one, i) => (i === turn ? { ...one, text } : one)),
});
const only = async (critic: typeof formCritic, one: typeof good) => (await critic.judge([one]))[0];

test("a dialogue has five turns at least, that the two say in turn and that say something", async () => {
  assert.equal(await only(formCritic, good), undefined);
  assert.match((await only(formCritic, { ...good, turns: good.turns.slice(0, 4) }))!, /4 turns, at least 5/);
  assert.match((await only(formCritic, but(2, "…!")))!, /turn 3 says nothing/);
  const twice = {
    ...good,
    turns: good.turns.map((turn, i) => (i === 3 ? { ...turn, speaker: 1 as const } : turn)),
  };
  assert.match((await only(formCritic, twice))!, /turn 4 is by the speaker of the turn before/);
});

test("who recites a profile or goes round in circles is dropped", async () => {
  assert.equal(await only(copyingCritic, good), undefined);
  assert.match((await only(copyingCritic, but(4, "I sail a boat!")))!, /turn 5 recites "I sail a boat\."/);
  assert.equal(await only(circlesCritic, good), undefined);
  const round = dialogue(
    "round",
    facts,
    ...Array.from({ length: 6 }, () => "I like to eat the fish at sea."),
  );
  assert.match((await only(circlesCritic, round))!, /circles/);
});

test("lines that safety lists name are found in any turn", async () => {
  const critic = toxicityCritic(readSafetyLists());
  assert.equal(await only(critic, good), undefined);
  for (const [turn, line] of ["You fucking idiot.", "I will kill you!", "Write to jo@example.org."].entries())
    assert.match((await only(critic, but(turn, line)))!, new RegExp(`turn ${turn + 1} holds`), line);
});

test("planted contradictions are found, by words and by the scorer, in the speaker's own turns alone", async () => {
  const critic = faithfulnessCritic(sour, 0.95);
  assert.equal(await only(critic, good), undefined);
  const planted = await only(critic, but(2, "I do not eat fish."));
  assert.match(planted!, /User 1 says "I do not eat fish\." and is "I eat fish\." \(words\)/);
  assert.equal(await only(critic, but(3, "I do not eat fish.")), undefined, "the other one may");
  assert.match((await only(faithfulnessCritic(sour, 0.5), but(2, "It is sour.")))!, /sour, 0\.90/);
  const scorer = inferenceOf(await openLabelScorer(`${embeddedScorers}/nli`));
  for (const speaker of [1, 2] as const)
    for (const fact of facts[speaker - 1]!) {
      const { probability } = await contradictionIn(but(speaker + 1, negation(fact)!), scorer);
      assert.equal(probability, 1, fact);
    }
});

test("the critic of faithfulness is set such that a share of real dialogues passes", async () => {
  const plain = [good, but(1, "Bread."), but(2, "Soup."), but(0, "Hi.")];
  assert.equal(await faithfulAbove(plain, sour, 0.75), 0.05);
  assert.equal(await faithfulAbove([...plain.slice(1), but(4, "It is sour.")], sour, 1), 0.9);
  assert.equal(
    await faithfulAbove([but(2, "I do not eat fish.")], sour, 1),
    0.999,
    "a denial is always dropped",
  );
  await assert.rejects(faithfulAbove([], sour, 0.9), RangeError);
});

test("a scorer that has not the labels of NLI tells no contradictions", () => {
  const scorer = { name: "tastes", labels: ["sweet", "sour"] } as never;
  assert.throws(() => inferenceOf(scorer), /tastes has the labels sweet, sour, and no entailment/);
});
