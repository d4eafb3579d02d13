import assert from "node:assert/strict";
import { test } from "node:test";
import { drawOpenings, holdConversations } from "../../src/simulator/conversations";
import { turnsOf } from "../../src/simulator/scored";
import { fewRecords, twoPersonas } from "./few-records";

const records = fewRecords(["tea", "rain", "bread"]);
const openings = drawOpenings(records, twoPersonas, { perPersona: 2, seed: 5 });

test("each persona has so many openings, every second with a dull partner, from what was written", () => {
  assert.deepEqual(
    openings.map(({ dialogue, partner }) => [dialogue, partner]),
    [
      ["playful 1", "model"],
      ["playful 2", "dull"],
      ["terse_engineer 1", "model"],
      ["terse_engineer 2", "dull"],
    ],
  );
  assert.notEqual(openings[0]!.topic, openings[1]!.topic);
  assert.deepEqual(
    openings[0]!.history.map(({ role }) => role),
    ["user", "assistant"],
  );
  assert.deepEqual(drawOpenings(records, twoPersonas, { perPersona: 2, seed: 5 }), openings);
  assert.equal(drawOpenings(records, twoPersonas, { perPersona: 5, seed: 5 }).length, 10);
});

test("the persona begins and ends, each hears all that was said before, and turns are counted", async () => {
  const heard: string[][] = [];
  const players = {
    say: (player: string, situations: readonly { readonly history: readonly { content: string }[] }[]) => {
      heard.push(situations.map(({ history }) => history.map(({ content }) => content).join("|")));
      return Promise.resolve(situations.map((_, i) => `${player} ${heard.length}.${i}`));
    },
    answer: (histories: readonly (readonly unknown[])[]) => Promise.resolve(histories.map(() => "Go on.")),
  };
  const held = await holdConversations(players, "sft", openings.slice(0, 2), { turns: 3, seed: 1 });
  const texts = held.map(({ turns }) => turns.map(({ content }) => content));
  assert.deepEqual(texts, [
    ["sft 1.0", "Go on.", "sft 2.0", "Go on.", "sft 3.0"],
    ["sft 1.1", "OK.", "sft 2.1", "I see.", "sft 3.1"],
  ]);
  assert.ok(heard[2]![1]!.endsWith("|sft 1.1|OK.|sft 2.1|I see."), heard[2]![1]);
  const turns = turnsOf(held);
  assert.deepEqual(
    turns.map(({ dialogue, turn, answer, history }) => [dialogue, turn, answer, history.length]),
    [
      ["playful 1", 1, "sft 1.0", 2],
      ["playful 1", 2, "sft 2.0", 4],
      ["playful 1", 3, "sft 3.0", 6],
      ["playful 2", 1, "sft 1.1", 2],
      ["playful 2", 2, "sft 2.1", 4],
      ["playful 2", 3, "sft 3.1", 6],
    ],
  );
});
