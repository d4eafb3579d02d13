import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DialogueRecord } from "../../src/corpus/records";
import {
  countRecords,
  courseProblem,
  diversityBeside,
  personaTurns,
  repeatedRuns,
} from "../../src/simulator/checks";

const user = (content: string, alternatives?: string[]) => ({
  role: "user" as const,
  content,
  ...(alternatives && { alternatives }),
});
const partner = (content: string) => ({ role: "assistant" as const, content });
const record = (persona_id: string, topic: string, ...turns: DialogueRecord["turns"]): DialogueRecord => ({
  persona_id,
  topic,
  turns,
  metadata: {
    quality_score: null,
    safety_flags: [],
    scenario_type: topic === "rain" ? "dull" : "helpful",
    source: "authored",
    generation_model: null,
    num_turns: turns.length,
  },
});

describe("a run of words is told where it is said again", () => {
  const eight = "one two three four five six seven eight";
  for (const [what, said, again] of [
    [
      "in another dialogue, whatever case and signs",
      "Oh! One, two three - four five six: SEVEN eight nine.",
      true,
    ],
    ["seven of the words", "one two three four five six seven nine", false],
    ["in another order", "two one three four five six seven eight", false],
  ] as const)
    test(what, () => {
      const found = repeatedRuns([
        record("a", "tea", user(eight)),
        record("b", "rain", partner("Hm."), user(said)),
      ]);
      assert.deepEqual(
        found,
        again ? [{ words: eight, first: "a, tea, turn 1", again: "b, rain, turn 2" }] : [],
      );
    });

  test("within one turn, and once for each turn", () => {
    const found = repeatedRuns([record("a", "tea", user(`${eight} nine ${eight} nine`))]);
    assert.equal(found.length, 1);
    assert.equal(found[0]!.again, "a, tea, turn 1");
  });

  test("what partners say and alternatives do not count", () => {
    const two = [
      record("a", "tea", user("Hi.", [eight]), partner(eight)),
      record("b", "tea", user("Ho.", [eight]), partner(eight)),
    ];
    assert.deepEqual(repeatedRuns(two), []);
    assert.deepEqual(personaTurns(two), ["Hi.", "Ho."]);
  });
});

test("diversity is compared over equally many tokens", () => {
  const varied = ["a b c d", "e f g h"];
  const dull = ["a b a b", "a b a b", "a b a b a b a b a b a b a b"];
  assert.deepEqual(diversityBeside(varied, dull), { distinct2: 1, reference: 2 / 6, tokens: 8 });
  assert.deepEqual(diversityBeside(["a b c d e f"], ["a b", "a b"]), {
    distinct2: 1,
    reference: 1 / 2,
    tokens: 4,
  });
});

describe("the course of a dialogue", () => {
  const course = (...turns: DialogueRecord["turns"]) => courseProblem(turns, [3, 4]);
  test("is right where the persona begins and both speak in turn", () =>
    assert.equal(course(user("a"), partner("a"), user("b")), undefined));
  test("may have a persona that says a short word again, and a partner that says anything again", () => {
    assert.equal(course(user("No."), partner("b"), user("no")), undefined);
    const dull = partner("I see what you mean.");
    assert.equal(course(user("a"), dull, user("b"), dull), undefined);
  });
  for (const [problem, turns] of [
    ["the persona does not begin", [partner("a"), user("b"), partner("c")]],
    ["the persona does not begin", []],
    ["turn 3 is the same speaker's as the one before", [user("a"), partner("b"), partner("c")]],
    ["2 turns, fewer than 3", [user("a"), partner("b")]],
    ["5 turns, more than 4", [user("a"), partner("b"), user("c"), partner("d"), user("e")]],
    ["turn 3 says what turn 1 says", [user("Well, well, well."), partner("b"), user("well well WELL!")]],
  ] as const)
    test(problem, () => assert.equal(course(...turns), problem));
});

test("the records of each persona are counted", () => {
  const records = [
    record("b", "rain", user("One two.", ["No."]), partner("Yes."), user("Three.")),
    record("a", "rain", user("Hello")),
    record("b", "tea", user("Four five six.")),
  ];
  assert.deepEqual(countRecords(records), [
    {
      persona: "a",
      dialogues: 1,
      topics: 1,
      turns: 1,
      meanWords: 1,
      withAlternatives: 0,
      scenarios: { dull: 1 },
      sources: { authored: 1 },
    },
    {
      persona: "b",
      dialogues: 2,
      topics: 2,
      turns: 3,
      meanWords: 2,
      withAlternatives: 1,
      scenarios: { dull: 1, helpful: 1 },
      sources: { authored: 2 },
    },
  ]);
});
