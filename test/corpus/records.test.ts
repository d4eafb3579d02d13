import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseDialogues, writeDialogues } from "../../src/corpus/jsonl";
import { JsonlError } from "../../src/corpus/lines";
import {
  asRecord,
  type DialogueRecord,
  fromRecord,
  parseRecords,
  readRecords,
  recordLine,
  recordProblem,
  recordSources,
  scenarioTypes,
  writeRecords,
} from "../../src/corpus/records";

const folder = mkdtempSync(join(tmpdir(), "records-"));
test.after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "some.jsonl");

const record: DialogueRecord = {
  persona_id: "playful",
  topic: "choosing a bicycle",
  turns: [
    { role: "user", content: "hi", alternatives: ["Good day.", "Hello, how may I help?"] },
    { role: "assistant", content: "hello" },
    { role: "user", content: "boring!" },
  ],
  metadata: {
    quality_score: 0.9,
    safety_flags: [],
    scenario_type: "helpful",
    source: "authored",
    generation_model: null,
    num_turns: 3,
  },
};
const line = JSON.stringify(record);
const parse = (text: string) => parseRecords(Buffer.from(text), "some.jsonl");
const unplaced = (records: readonly (DialogueRecord & { line: number })[]) =>
  records.map(({ line: _, ...one }) => one);

/** The record with another value at a path such as `turns.0.content`, or without the field. */
const changed = (path: string, value?: unknown) => {
  const copy = JSON.parse(line) as object;
  const names = path.split(".");
  const last = names.pop()!;
  const place = names.reduce((inner, name) => (inner as Record<string, object>)[name]!, copy);
  Object.assign(place, { [last]: value });
  return JSON.stringify(copy); // leaves out what is undefined
};

test("a line is a record, with its line in the file", () => {
  const other = changed("turns.0.content", "hey");
  assert.deepEqual(parse(`${line}\n\n${other}\r\n`), [
    { ...record, line: 1 },
    { ...(JSON.parse(other) as DialogueRecord), line: 3 },
  ]);
});

for (const [path, value, says] of [
  ["persona_id", undefined, "persona_id: is missing; it must be the persona's name"],
  ["persona_id", "[a]", /persona_id: must be the persona's name on one line without \[ and \], not "\[a\]"/],
  ["topic", " ", /topic: must be what the dialogue is about on one line/],
  ["turns", [], "turns: must be a list with a turn of the user; without one the persona says nothing"],
  [
    "turns.0.role",
    "persona",
    'turns[0].role: must be "user" (the persona) or "assistant" (its partner), not "persona"; the persona is the "user"',
  ],
  [
    "turns.1.role",
    "system",
    /turns\[1\]\.role: .*, not "system"; the definition is in the persona's file, leave it out/,
  ],
  ["turns.1.content", "", 'turns[1].content: must be what is said, not ""; leave empty turns out'],
  ["turns.1.content", "a \ud83d", /turns\[1\]\.content: must be made of whole characters/],
  [
    "turns.1.text",
    "a",
    /turns\[1\]\.text: there is no such field; the fields here are role, content, alternatives/,
  ],
  [
    "turns.1.alternatives",
    ["Hm."],
    "turns[1].alternatives: must be left out; only the persona, the user, has alternatives",
  ],
  [
    "turns.0.alternatives",
    [],
    "turns[0].alternatives: must be a list of one at least, not a list of 0; leave it out where there are none",
  ],
  [
    "turns.0.alternatives",
    ["hi"],
    'turns[0].alternatives[0]: must be another answer than the others of this turn, not "hi"; leave it out',
  ],
  ["turns.0.alternatives", ["a", "a"], /turns\[0\]\.alternatives\[1\]: must be another answer/],
  ["metadata.num_turns", 4, "metadata.num_turns: must be 3, the number of turns, not 4"],
  ["metadata.num_turns", undefined, "metadata.num_turns: is missing; it must be the number of turns"],
  ["metadata.quality_score", 1.5, "metadata.quality_score: must be a number from 0 to 1, not 1.5"],
  [
    "metadata.quality_score",
    undefined,
    /metadata\.quality_score: is missing; it must be a number from 0 to 1; write null where nobody judged it/,
  ],
  [
    "metadata.safety_flags",
    "none",
    /metadata\.safety_flags: must be a list .*, not "none"; write \[\] for nothing/,
  ],
  [
    "metadata.scenario_type",
    "happy",
    /metadata\.scenario_type: must be one of helpful, dull, .*, not "happy"/,
  ],
  ["metadata.source", "people", 'metadata.source: must be one of synthetic, human, authored, not "people"'],
  [
    "metadata.source",
    "synthetic",
    "metadata.generation_model: must be the model's name; a synthetic record says which model wrote it",
  ],
  [
    "metadata.generation_model",
    "gpt",
    'metadata.generation_model: must be null, not "gpt"; no model wrote what is authored',
  ],
  ["metadata.seed", 1, /metadata\.seed: there is no such field/],
  ["id", "a", /id: there is no such field/],
] as const)
  test(`${path} as ${JSON.stringify(value)} is refused: line, field and remedy`, () => {
    assert.throws(
      () => parse(`${line}\n${changed(path, value)}`),
      (error: unknown) => {
        assert.ok(error instanceof JsonlError, String(error));
        assert.equal(error.line, 2);
        const problem = error.message.replace("some.jsonl, line 2: ", "");
        if (typeof says === "string") assert.equal(problem, says);
        else assert.match(problem, says);
        return true;
      },
    );
  });

test("the same turns twice, no record and no JSON are refused by their line", () => {
  const again = changed("topic", "another one");
  assert.throws(
    () => parse(`${line}\n${again}`),
    /line 2: turns: are those of line 1; leave out one of the two/,
  );
  assert.throws(() => parse("\n \n"), /line 1: the file has no line with a record/);
  assert.throws(() => parse(`${line}\n{`), /line 2: not valid JSON.*write each record as one JSON object/);
  assert.throws(
    () => parse("[]"),
    /line 1: must be a record, an object with persona_id, topic, turns and metadata, not a list of 0/,
  );
});

const whole = fc.string({ unit: "binary" });
const said = whole.filter((text) => text.trim() !== "");
const name = said.filter((text) => !/[[\]\r\n]/.test(text));
const records: fc.Arbitrary<DialogueRecord> = fc
  .record({
    persona_id: name,
    topic: name,
    turns: fc
      .array(
        fc.oneof(
          said.map((content) => ({ role: "assistant" as const, content })),
          fc.uniqueArray(said, { minLength: 1, maxLength: 3 }).map(([content, ...alternatives]) => ({
            role: "user" as const,
            content: content!,
            ...(alternatives.length > 0 && { alternatives }),
          })),
        ),
        { minLength: 1, maxLength: 5 },
      )
      .filter((turns) => turns.some(({ role }) => role === "user")),
    score: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    safety_flags: fc.array(whole, { maxLength: 2 }),
    scenario_type: fc.constantFrom(...scenarioTypes),
    source: fc.constantFrom(...recordSources),
    model: said,
  })
  .map(({ score, model, safety_flags, scenario_type, source, ...rest }) => ({
    ...rest,
    metadata: {
      quality_score: Object.is(score, -0) ? 0 : score,
      safety_flags,
      scenario_type,
      source,
      generation_model: source === "synthetic" ? model : null,
      num_turns: rest.turns.length,
    },
  }));

test("any record is written and read back as it is", () => {
  fc.assert(
    fc.property(records, (one) => {
      assert.equal(recordProblem(one), undefined);
      assert.deepEqual(unplaced(parse(recordLine(one))), [one]);
    }),
  );
  writeRecords(file, [record]);
  assert.equal(readFileSync(file, "utf8"), `${line}\n`);
  assert.deepEqual(unplaced(readRecords(file)), [record]);
});

test("what cannot be read back is not written", () => {
  const path = join(folder, "none.jsonl");
  const bad = { ...record, topic: "a\nb" };
  assert.throws(() => writeRecords(path, [record, bad]), /none\.jsonl, line 2: topic: must be/);
  assert.ok(!existsSync(path));
});

test("any record becomes a dialogue and a record again, and the dialogue a line and a dialogue again", () => {
  const path = join(folder, "dialogues.jsonl");
  fc.assert(
    fc.property(records, (one) => {
      const dialogue = fromRecord(one, "d");
      assert.deepEqual(asRecord(dialogue), one);
      writeDialogues(path, [dialogue]);
      const [read] = parseDialogues(readFileSync(path), path);
      assert.deepEqual(read, dialogue);
      assert.deepEqual(asRecord(read!), one);
      assert.deepEqual(fromRecord(asRecord(read!), "d"), dialogue);
    }),
    { numRuns: 40 },
  );
});

test("the persona is speaker 1, with what is known of it; of its partner nothing is", () => {
  const { personas, turns, meta } = fromRecord(record, "d", {
    id: "x",
    facts: ["I joke."],
    traits: { openness: "high" },
  });
  assert.deepEqual(personas, [
    { id: "playful", facts: ["I joke."], traits: { openness: "high" } },
    { facts: [] },
  ]);
  assert.deepEqual(turns[1], { speaker: 2, text: "hello" });
  assert.deepEqual(meta, {
    source: "authored",
    scores: { quality: 0.9 },
    topic: "choosing a bicycle",
    scenario_type: "helpful",
    safety_flags: [],
    alternatives: [["Good day.", "Hello, how may I help?"], [], []],
  });
});

test("a dialogue that is no record is refused: dialogue, field and remedy", () => {
  const dialogue = fromRecord(record, "d7");
  for (const [change, says] of [
    [{ meta: {} }, /dialogue "d7": is no record: topic: is missing/],
    [{ personas: [{ facts: [] }, { facts: [] }] }, /persona_id: is missing/],
    [
      { meta: { ...dialogue.meta, source: "a book" } },
      /metadata\.source: must be one of synthetic, human, authored, not "a book"/,
    ],
    [
      { meta: { ...dialogue.meta, alternatives: [[], ["a"], []] } },
      /turns\[1\]\.alternatives: must be left out/,
    ],
    [
      { meta: { ...dialogue.meta, alternatives: [[], [], [], []] } },
      /meta\.alternatives: must be a list for each of the 3 turns, not 4/,
    ],
    [{ meta: { ...dialogue.meta, alternatives: "x" } }, /meta: /],
  ] as const)
    assert.throws(() => asRecord({ ...dialogue, ...change } as never), says);
});

test("whatever bytes come, there are records or an error with its line", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '"turns"',
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      "\n",
      "null",
      "1e999",
      line,
      '"role":"user"',
      "\ufeff",
    ),
    fc.string({ unit: "binary" }),
  );
  const bytes = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.from(pieces.join(""))),
    fc.uint8Array({ maxLength: 40 }).map((some) => Buffer.from(some)),
    fc
      .tuple(fc.nat(line.length), fc.string({ unit: "binary", maxLength: 3 }))
      .map(([at, some]) => Buffer.from(line.slice(0, at) + some + line.slice(at + 1))),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  );
  fc.assert(
    fc.property(bytes, (data) => {
      try {
        for (const one of parseRecords(data, "f.jsonl"))
          assert.equal(recordProblem(unplaced([one])[0]), undefined);
      } catch (error) {
        assert.ok(error instanceof JsonlError, String(error));
        assert.match(error.message, /^f\.jsonl, line \d+: /);
      }
    }),
    { numRuns: 300 },
  );
});
