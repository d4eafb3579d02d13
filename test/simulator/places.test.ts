import assert from "node:assert/strict";
import { test } from "node:test";
import { heldOutTurns, placesOf, spread, together } from "../../src/simulator/places";
import { fewRecords, fewTurns, twoPersonas } from "./few-records";

const records = fewRecords(["tea", "rain"]);

test("a place has what was said before it, what was written, and what another persona says on the same topic as late", () => {
  const place = placesOf(records, twoPersonas)[1]!;
  assert.deepEqual(
    { ...place, persona: place.persona.id, other: { ...place.other, persona: place.other.persona.id } },
    {
      dialogue: "1: playful, tea",
      persona: "playful",
      topic: "tea",
      turn: 2,
      history: [
        { role: "user", content: "hey, whee tea" },
        { role: "assistant", content: "hello" },
      ],
      written: "ooh, boo tea",
      weaker: "I have no opinion.",
      other: { persona: "terse_engineer", text: "cause? tea" },
    },
  );
});

test("where nobody else speaks of the topic, another persona's words of another one stand there", () => {
  const [own] = placesOf([fewTurns("playful", "tea"), fewTurns("terse_engineer", "rain")], twoPersonas);
  assert.equal(own!.other.text, "units. rain");
});

test("so many places of a dialogue are drawn, in order, the same for the same seed", () => {
  const drawn = (seed: number) =>
    placesOf(records, twoPersonas, { perDialogue: 2, seed }).map(({ turn }) => turn);
  assert.equal(drawn(1).length, 2 * records.length);
  assert.deepEqual(drawn(1), drawn(1));
  assert.ok(drawn(1).every((turn, i) => i % 2 === 0 || turn > drawn(1)[i - 1]!));
  assert.ok([2, 3, 4].some((seed) => drawn(seed).join() !== drawn(1).join()));
});

test("dialogues of one persona, or of one without a specification, are refused", () => {
  assert.throws(
    () => placesOf([fewTurns("playful", "tea")], twoPersonas),
    /all dialogues are of one persona/,
  );
  assert.throws(() => placesOf(records, twoPersonas.slice(1)), /there is no persona "playful"/);
});

test("a judge is measured on what was written, the same under another persona, and a weaker or another's answer", () => {
  const { places, labels } = heldOutTurns(placesOf(records.slice(0, 2), twoPersonas));
  assert.equal(places.length, 6);
  assert.match(labels, /2 weaker answers that were written for the same place, and 4 of another persona/);
  const [first, second] = places;
  assert.deepEqual(
    [first!.right, first!.swapped, first!.contradicted].map(({ persona, answer }) => [persona!.id, answer]),
    [
      ["playful", "hey, whee tea"],
      ["terse_engineer", "hey, whee tea"],
      ["playful", "units. tea"],
    ],
  );
  assert.equal(second!.contradicted.answer, "I have no opinion.");
});

test("some of many are spread evenly over them", () => {
  const all = Array.from({ length: 12 }, (_, i) => i);
  assert.deepEqual(spread(all, 4), [2, 5, 8, 11]);
  assert.deepEqual(spread(all, 12), all);
  assert.deepEqual(spread(all, Infinity), all);
  assert.equal(spread(all, 5).length, 5);
});

test("places of two lists stand together once each", () => {
  const all = placesOf(records, twoPersonas);
  const some = spread(all, 3);
  assert.deepEqual(together(some, all).slice(0, 3), some);
  assert.deepEqual(new Set(together(some, all)), new Set(all));
  assert.equal(
    together(some, placesOf(records, twoPersonas)).length,
    all.length,
    "by what they are, not by identity",
  );
});
