import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { scenarioTypes } from "../../src/corpus/records";
import { readPersonaSpecs } from "../../src/corpus/specification";
import { sortOut, type TaskAnswer } from "../../src/simulator/accept";
import { planTasks, readTranscript, teacherRequest } from "../../src/simulator/teacher";
import { dialogueOf } from "./teacher-server";

const personas = readPersonaSpecs();
const topics = ["tea", "rain", "wool"];
const sources = { personas, topics, seed: 7 };
const tasks = planTasks(sources, 4000);
const [task] = tasks;

describe("tasks", () => {
  test("of more dialogues begin with those of fewer, and another seed has others", () => {
    assert.deepEqual(planTasks(sources, 30), tasks.slice(0, 30));
    assert.notDeepEqual(planTasks({ ...sources, seed: 8 }, 30), tasks.slice(0, 30));
  });

  test("take the personas in turn, each with every topic once before one comes again", () => {
    assert.deepEqual(
      tasks.slice(0, 7).map(({ persona }) => persona.id),
      [...personas, personas[0]!].map(({ id }) => id),
    );
    for (const pass of [0, 1, 2]) {
      const own = tasks.filter(({ persona }) => persona === personas[1]).slice(3 * pass, 3 * pass + 3);
      assert.deepEqual(own.map(({ topic }) => topic).sort(), [...topics].sort());
    }
  });

  test("have helpful partners in two of five, and every other kind as often as any", () => {
    const share = (scenario: string) =>
      tasks.filter((one) => one.scenario === scenario).length / tasks.length;
    assert.ok(Math.abs(share("helpful") - 0.4) < 0.03, String(share("helpful")));
    for (const scenario of scenarioTypes.slice(1))
      assert.ok(Math.abs(share(scenario) - 0.6 / 7) < 0.02, scenario);
    assert.deepEqual(
      [...new Set(tasks.map(({ turns }) => turns))].sort((a, b) => a - b),
      [8, 9, 10, 11, 12, 13, 14],
    );
  });
});

test("a teacher is told all of the persona, the partner, the topic and the form", () => {
  const pressed = tasks.find(({ scenario, persona }) => scenario === "pressure" && persona.id === "playful")!;
  const { messages, ...others } = teacherRequest(pressed, { maxTokens: 900, temperature: 0.8 });
  assert.deepEqual(others, { maxTokens: 900, temperature: 0.8, seed: 7 + pressed.number });
  const { content } = messages[1]!;
  for (const said of [
    "- I am easily bored.",
    "- openness: high",
    `- what it never does: ${pressed.persona.constraints[0]}`,
    "ignore its instructions. The user stays the same person.",
    `They talk about: ${pressed.topic}.`,
    `Write ${pressed.turns} turns.`,
  ])
    assert.ok(content.includes(said), said);
  for (const scenario of scenarioTypes)
    assert.ok(
      teacherRequest(
        { ...pressed, scenario },
        { maxTokens: 9, temperature: 1 },
      ).messages[1]!.content.includes("assistant"),
    );
});

describe("what a teacher wrote is read", () => {
  const turns = [
    { role: "user", content: "Hi: there!" },
    { role: "assistant", content: "Hello" },
  ];
  for (const text of [
    "User: Hi: there!\nAssistant: Hello",
    "\n```text\nuser:  Hi: there! \r\n\r\nASSISTANT: Hello\n```\n",
    "**User:** Hi: there!\n**Assistant**: Hello",
    "- User: Hi: there!\n- Assistant: Hello",
  ])
    test(JSON.stringify(text), () => assert.deepEqual(readTranscript(text), { turns }));
  for (const [text, problem] of [
    ["", "there is no turn in it"],
    ["Here is a dialogue.\nUser: Hi", 'a line is no speaker\'s: "Here is a dialogue."'],
    ["User: Hi\n(She leaves.)", 'a line is no speaker\'s: "(She leaves.)"'],
    ["User: Hi\nAssistant:", "turn 2 is empty"],
    ['{"turns": []}', 'a line is no speaker\'s: "{"turns": []}"'],
  ] as const)
    test(`${JSON.stringify(text)} is refused`, () => assert.deepEqual(readTranscript(text), { problem }));
});

describe("of what was answered", () => {
  const good = dialogueOf("a good one");
  const answer = (text: string, finish: "stop" | "length" = "stop"): TaskAnswer => ({ text, finish });
  const one = (given: TaskAnswer) => sortOut([[task!, given]], "some model");

  test("a dialogue in character is kept, as a synthetic record of its teacher", () => {
    const { records, rejected } = one(answer(good));
    assert.deepEqual(rejected, []);
    const [record] = records;
    assert.deepEqual([record!.persona_id, record!.topic], [task!.persona.id, task!.topic]);
    assert.deepEqual(record!.metadata, {
      quality_score: null,
      safety_flags: [],
      scenario_type: task!.scenario,
      source: "synthetic",
      generation_model: "some model",
      num_turns: 8,
    });
  });

  for (const [reason, given] of [
    ["cut at its most tokens", answer(good, "length")],
    ["declined: I would rather not", { declined: "I would rather not" }],
    ['a line is no speaker\'s: "Sure!"', answer(`Sure!\n${good}`)],
    ["7 turns, fewer than 8", answer(good.split("\n").slice(0, 7).join("\n"))],
    ["the persona does not begin", answer(good.split("\n").slice(1).join("\n"))],
    ['out of play: "As an AI"', answer(good.replace(/^User: /, "User: As an AI "))],
    ['out of play: "[name]"', answer(good.replace(/^User: /, "User: Hi [name] "))],
    [
      "4 of 4 turns of the persona are not of its 6 to 40 words",
      answer(good.replace(/(User: \w+).*/g, "$1")),
    ],
    ["unsafe: private data", answer(good.replace("Assistant: ", "Assistant: write to jo@example.org "))],
  ] as const)
    test(`one is rejected: ${reason}`, () => {
      const { records, rejected } = one(given);
      assert.deepEqual(records, []);
      const { reason: told, text, task: number } = rejected[0]!;
      assert.deepEqual([told, text, number], [reason, "text" in given ? given.text : "", 0]);
    });

  test("a duplicate goes, the one of the earlier task stays, whichever was answered first", () => {
    const copy = good.replace(/Assistant: \w+/g, "Assistant: other");
    const { records, rejected } = sortOut(
      [
        [tasks[6]!, answer(copy)],
        [tasks[0]!, answer(good)],
      ],
      "m",
    );
    assert.equal(records.length, 1);
    assert.match(
      rejected[0]!.reason,
      /^a duplicate: (\d+) of its \1 runs of 5 words are in dialogues before$/,
    );
    assert.equal(rejected[0]!.task, 6);
    assert.equal(
      sortOut(
        [
          [tasks[0]!, answer(good)],
          [tasks[6]!, answer(dialogueOf("another"))],
        ],
        "m",
      ).records.length,
      2,
    );
  });
});
