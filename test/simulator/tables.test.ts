import assert from "node:assert/strict";
import { test } from "node:test";
import { characterCurves } from "../../src/simulator/character";
import { askAll } from "../../src/simulator/asked";
import { playerRows } from "../../src/simulator/compared";
import type { HeldConversation } from "../../src/simulator/conversations";
import { learnedRow } from "../../src/simulator/learned";
import { placesOf } from "../../src/simulator/places";
import { answersAt, saidAt, type ScoredTurn } from "../../src/simulator/scored";
import {
  characterRows,
  namedTable,
  playerGroup,
  playerTable,
  readConversations,
  sideBySide,
  tagSentence,
  turnRows,
} from "../../src/simulator/tables";
import { trainVoices } from "../../src/simulator/voices";
import { fewRecords, twoPersonas } from "./few-records";

const records = fewRecords(["tea", "rain", "bread"]);
const places = placesOf(records, twoPersonas);
const players = {
  names: ["base", "SFT"],
  say: (player: string, situations: readonly { readonly persona: { readonly id: string } }[]) =>
    Promise.resolve(situations.map(({ persona }) => `${player} as ${persona.id}`)),
};

test("every player speaks in every place, and the bounds after them", async () => {
  const said = await answersAt(players, places, 1);
  assert.deepEqual(
    [...new Set(said.map(({ player }) => player))],
    ["base", "SFT", "another persona's", "written"],
  );
  assert.equal(said.length, 4 * places.length);
  assert.deepEqual(
    said.slice(-places.length).map(({ answer }) => answer),
    places.map(({ written }) => written),
  );
  assert.equal(saidAt(said, places.slice(0, 2)).length, 8);
  const rows = sideBySide(said, places.slice(0, 2), ["SFT", "written"]);
  assert.deepEqual(rows[0], {
    persona: "playful",
    before: "(it begins)",
    SFT: "SFT as playful",
    written: "hey, whee tea",
  });
  assert.throws(
    () => sideBySide(said, places.slice(0, 1), ["RL"]),
    /RL said nothing at turn 1 of 1: playful, tea/,
  );
  assert.deepEqual(["base", "RL", "written"].map(playerGroup), ["untrained", "trained", "bound"]);
});

test("one question is put to every persona of every player", async () => {
  assert.deepEqual(await askAll(players, ["base", "SFT"], twoPersonas, "Well?", 1), [
    { persona: "playful", base: "base as playful", SFT: "SFT as playful" },
    { persona: "terse_engineer", base: "base as terse_engineer", SFT: "SFT as terse_engineer" },
  ]);
});

test("whom written turns sound like: rows add up to one", async () => {
  const { rows, columns, values } = await namedTable(trainVoices(records), places);
  assert.deepEqual(
    [rows, columns],
    [
      ["playful", "terse_engineer"],
      ["playful", "terse_engineer"],
    ],
  );
  assert.deepEqual(values, [
    [1, 0],
    [0, 1],
  ]);
});

const scored = (dialogue: string, turn: number, adherence: number): ScoredTurn => ({
  ...{ player: "RL", dialogue, turn, topic: "tea", history: [], answer: "whee\u0007", scores: { adherence } },
  persona: twoPersonas[0]!,
});

test("character by early, middle and late turns, with a verdict that the slope's interval allows", () => {
  const turns = ["a", "b", "c"].flatMap((dialogue, i) =>
    [1, 2, 4, 8].map((turn) => scored(dialogue, turn, 1 - 0.1 * turn - 0.01 * i)),
  );
  const [row] = characterRows(characterCurves(turns, "adherence"), turns);
  assert.equal(row!["verdict"], "falls");
  assert.ok(Math.abs(Number(row!["turns 1–3"]) - 0.84) < 1e-9);
  assert.ok(Math.abs(Number(row!["8 and later"]) - 0.19) < 1e-9);
  const alone = [scored("a", 1, 0.5)];
  assert.equal(characterRows(characterCurves(alone, "adherence"), alone)[0]!["slope a turn"], "");
});

test("what is read is harmless to show, with the score beside the persona's own turns", () => {
  assert.deepEqual(Object.keys(turnRows([scored("a", 1, 0.5)], "adherence")[0]!), [
    "persona",
    "topic",
    "before",
    "answer",
    "adherence",
  ]);
  assert.doesNotMatch(String(turnRows([scored("a", 1, 0.5)], "adherence")[0]!["answer"]), /\u0007/);
  const held: HeldConversation = {
    ...{ player: "RL", dialogue: "a", persona: twoPersonas[0]!, topic: "tea", partner: "dull" },
    history: [{ role: "user", content: "hey" }],
    turns: [
      { role: "user", content: "whee" },
      { role: "assistant", content: "OK." },
      { role: "user", content: "boo" },
    ],
  };
  const rows = readConversations([held], "RL", [scored("a", 1, 0.25), scored("a", 2, 0.75)]);
  assert.deepEqual(
    rows.map(({ says, text, adherence }) => [says, text, adherence]),
    [
      ["persona (written)", "hey", ""],
      ["persona", "whee", 0.25],
      ["partner", "OK.", ""],
      ["persona", "boo", 0.75],
    ],
  );
});

test("players' rows are written with intervals; a judge that could score nothing leaves its cell empty", () => {
  const none = { ...scored("b", 1, 0), scores: { adherence: undefined } };
  assert.equal(playerTable(playerRows([none], ["adherence"]))[0]!["adherence"], "");
  const [row] = playerTable(playerRows([scored("a", 1, 0.5), scored("b", 1, 0.5)], ["adherence"]));
  assert.equal(row!["adherence"], "0.50 [0.50, 0.50]");
});

test("a run's first and last fifth", () => {
  const log = Array.from({ length: 10 }, (_, i) => ({ metrics: { reward: i / 10, "objective/kl": 2 * i } }));
  const row = learnedRow("β", log as never);
  assert.ok(Math.abs(Number(row["reward, first"]) - 0.05) < 1e-12);
  assert.ok(Math.abs(Number(row["reward, last"]) - 0.85) < 1e-12);
  assert.equal(row["KL, nats a completion, last"], 17);
  assert.equal(row["entropy, last"], "");
});

test("a tag does something only where the whole interval lies above chance", () => {
  const rows = (low: number) => [
    {
      ...playerRows([scored("a", 1, 1)], ["adherence"])[0]!,
      means: { named: { value: 0.6, low, high: 0.7 } },
    },
  ];
  assert.equal(
    tagSentence(rows(0.5), "RL", 6),
    "The tag does something: the persona of RL is named with a share of 0.60 [0.50, 0.70], by chance it would be 0.17.",
  );
  assert.match(tagSentence(rows(0.1), "RL", 6), /^No effect of the tag is shown: .* raise MAX_STEPS\.$/);
  assert.throws(() => tagSentence(rows(0.5), "SFT", 6), /nobody has named the personas of SFT/);
});
