import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { Dialogue } from "../../src/corpus/dialogue";
import { parseDialogues, readDialogues, writeDialogues } from "../../src/corpus/jsonl";
import { JsonlError } from "../../src/corpus/lines";
import { traitNames } from "../../src/corpus/persona";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { splitNames } from "../../src/corpus/spc/types";
import { buildPrompt } from "../../src/prompts/prompt";
import { buildTarget } from "../../src/prompts/target";

const folder = mkdtempSync(join(tmpdir(), "jsonl-"));
test.after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "some.jsonl");

const parse = (data: string | Uint8Array) =>
  parseDialogues(typeof data === "string" ? Buffer.from(data) : data, "some.jsonl");
const dialogue: Dialogue = {
  id: "d1",
  personas: [
    { id: "sailor", facts: ["I sail.", "I am 40."], traits: { openness: 0.8, neuroticism: "low" } },
    { facts: [] },
  ],
  turns: [
    { speaker: 1, text: "Ahoy! ⛵" },
    { speaker: 2, text: "" },
  ],
  meta: { source: "a test", scores: { faithfulness: 0.9 }, round: { number: 2, notes: [null, true] } },
};
const line = JSON.stringify(dialogue);
const named = (id: string) => JSON.stringify({ ...dialogue, id });

const fails = (data: string | Uint8Array, at: number, problem: string | RegExp) =>
  assert.throws(
    () => parse(data),
    (error: unknown) => {
      assert.ok(error instanceof JsonlError, String(error));
      assert.equal(error.line, at, error.message);
      const start = `some.jsonl, line ${at}: `;
      assert.ok(error.message.startsWith(start), error.message);
      if (typeof problem === "string") assert.equal(error.message.slice(start.length), problem);
      else assert.match(error.message, problem);
      return true;
    },
  );
/** The line with another value at a path such as `turns.0.text`, or without the field. */
const changed = (path: string, value?: unknown) => {
  const copy = JSON.parse(line) as object;
  const names = path.split(".");
  const last = names.pop()!;
  const place = names.reduce((inner, name) => (inner as Record<string, object>)[name]!, copy);
  Object.assign(place, { [last]: value });
  return JSON.stringify(copy); // leaves out what is undefined
};

test("a line is a dialogue, whatever ends it, marks and lines without text aside", () => {
  const [one, two] = [dialogue, { ...dialogue, id: "d2" }];
  for (const lineBreak of ["\n", "\r\n", "\r"]) {
    for (const mark of ["", "\uFEFF"]) {
      const text = [`${mark}${line}`, "", " \t", `${mark}${named("d2")} `].join(lineBreak);
      assert.deepEqual(parse(text), [one, two]);
      assert.deepEqual(parse(text + lineBreak + lineBreak), [one, two]);
      fails([text, "", "{"].join(lineBreak), 6, /not valid JSON/);
    }
  }
});

test("what is written is read back as it is, and of a row of the corpus the dialogue", async () => {
  writeDialogues(file, [dialogue, { id: "d2", personas: [{ facts: [] }, { facts: [] }], turns: [] }]);
  assert.equal(
    readFileSync(file, "utf8"),
    `${line}\n{"id":"d2","personas":[{"facts":[]},{"facts":[]}],"turns":[]}\n`,
  );
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const all = splitNames.flatMap((name) => splits[name]);
  writeDialogues(file, all);
  const spoken = all.map(({ id, personas, turns }) => ({
    id,
    personas,
    turns: turns.map(({ speaker, text }) => ({ speaker, text })),
  }));
  assert.deepEqual(readDialogues(file), spoken);
});

test("the docs' line is read, and becomes what they say", () => {
  const docs = readFileSync(join(__dirname, "../../docs/dialogues.md"), "utf8");
  const [example, prompt, target, refusal] = [...docs.matchAll(/```text\n([^`]*)\n```/g)].map(
    ([, block]) => block!,
  );
  const [read] = parse(example!);
  assert.deepEqual(read, JSON.parse(example!));
  assert.equal(buildPrompt(read!).text, prompt);
  assert.equal(buildTarget(read!), target);
  assert.throws(
    () => parseDialogues(Buffer.from(example!.replace('"speaker": 2', '"speaker": 3')), "harbour.jsonl"),
    {
      message: refusal!,
    },
  );
});

test("a record of the persona simulator is told from a dialogue, with what to do with it", () => {
  const record = {
    persona_id: "playful",
    topic: "tea",
    turns: [{ role: "user", content: "hi" }],
    metadata: {},
  };
  fails(
    `${line}\n${JSON.stringify(record)}`,
    2,
    "is a record of the persona simulator, not a dialogue; make rows of it to train on (unrollRecords), or a dialogue (fromRecord)",
  );
});

const whole = fc.string({ unit: "binary" }); // any whole characters
const blank = (text: string) => text.trim() === "";
const maybe = { requiredKeys: [] };
const personas = fc.record(
  {
    id: whole.filter((text) => !blank(text) && !/[[\]\r\n]/.test(text)),
    facts: fc.array(
      whole.filter((text) => !blank(text)),
      { maxLength: 3 },
    ),
    traits: fc.record(
      Object.fromEntries(
        traitNames.map((name) => [
          name,
          fc.oneof(fc.constantFrom("low", "high"), fc.double({ min: 0, max: 1, noNaN: true })),
        ]),
      ),
      maybe,
    ),
  },
  { requiredKeys: ["facts"] },
);
const dialogues = fc.uniqueArray(
  fc.record(
    {
      id: whole.filter((text) => !blank(text)),
      personas: fc.tuple(personas, personas),
      turns: fc.array(fc.record({ speaker: fc.constantFrom(1, 2), text: whole }), { maxLength: 4 }),
      meta: fc
        .record(
          {
            source: whole,
            generator: whole,
            scores: fc.dictionary(whole, fc.double({ noNaN: true, noDefaultInfinity: true })),
            other: fc.jsonValue(),
          },
          maybe,
        )
        .filter((meta) => !/\\ud/.test(JSON.stringify(meta))),
    },
    { requiredKeys: ["id", "personas", "turns"] },
  ),
  { selector: ({ id }) => id, minLength: 1, maxLength: 4 },
) as fc.Arbitrary<Dialogue[]>;

test("read(write(x)) is x, and write(read(y)) is y, for all dialogues", () => {
  fc.assert(
    fc.property(dialogues, (given) => {
      const asJson = JSON.parse(JSON.stringify(given)) as Dialogue[]; // of −0 JSON keeps 0
      writeDialogues(file, given);
      assert.deepEqual(readDialogues(file), asJson);
      const written = readFileSync(file, "utf8");
      writeDialogues(file, readDialogues(file));
      assert.equal(readFileSync(file, "utf8"), written);
    }),
  );
});

test("a field that is missing, of another kind or unknown is refused with its name and what to write", () => {
  const moreSpeakers = "dialogues of more than two speakers are not supported, leave them out";
  const facts = 'write {"facts": []} for a speaker of whom nothing is known';
  const trait = "of a score write (score - lowest) / (highest - lowest)";
  const [sailor] = dialogue.personas;
  // prettier-ignore
  const cases: [path: string, value: unknown, problem: string][] = [
    ["id", undefined, "id: is missing; it must be a name; give each dialogue its own"],
    ["id", 7, "id: must be a name, not 7; give each dialogue its own"],
    ["id", " ", 'id: must be a name, not " "; give each dialogue its own'],
    ["personas", undefined, `personas: is missing; it must be a list of two personas; ${facts}`],
    ["personas", [sailor], `personas: must be a list of two personas, not a list of 1; ${facts}`],
    ["personas", [sailor, sailor, sailor], `personas: must be a list of two personas, not a list of 3; ${moreSpeakers}`],
    ["personas.1", ["I sail."], 'personas[1]: must be a persona such as {"facts": ["I sail."]}, not a list of 1'],
    ["personas.1.facts", undefined, "personas[1].facts: is missing; it must be a list of facts; write [] for a speaker of whom nothing is known"],
    ["personas.0.facts", "I sail.", 'personas[0].facts: must be a list of facts, not "I sail."; write [] for a speaker of whom nothing is known'],
    ["personas.0.facts.1", null, "personas[0].facts[1]: must be a fact, a sentence, not null"],
    ["personas.0.facts.1", "\n", 'personas[0].facts[1]: must be a fact, a sentence, not "\\n"; leave empty ones out'],
    ["personas.0.id", "", 'personas[0].id: must be a name on one line without [ and ], not ""; leave it out where there is none'],
    ["personas.0.id", "a]b", 'personas[0].id: must be a name on one line without [ and ], not "a]b"; leave it out where there is none'],
    ["personas.0.id", null, "personas[0].id: must be a name, not null; leave it out where there is none"],
    ["personas.0.name", "Jo", "personas[0].name: there is no such field; the fields here are id, facts, traits."],
    ["personas.0.traits", ["open"], 'personas[0].traits: must be an object such as {"openness": "high"}, not a list of 1; leave it out where nothing is known'],
    ["personas.0.traits.openness", 4, `personas[0].traits.openness: must be "low", "high" or a number from 0 to 1, not 4; ${trait}`],
    ["personas.0.traits.openness", "medium", `personas[0].traits.openness: must be "low", "high" or a number from 0 to 1, not "medium"; ${trait}`],
    ["personas.0.traits.openess", 1, "personas[0].traits.openess: there is no such field; the fields here are openness, conscientiousness, extraversion, agreeableness, neuroticism. Did you mean openness?"],
    ["turns", undefined, 'turns: is missing; it must be a list of turns such as {"speaker": 1, "text": "Hi!"}'],
    ["turns.1", "Hi", 'turns[1]: must be a turn such as {"speaker": 1, "text": "Hi!"}, not "Hi"'],
    ["turns.1.speaker", 3, `turns[1].speaker: must be 1 (who has the first persona) or 2 (who has the second), not 3; ${moreSpeakers}`],
    ["turns.1.speaker", "1", `turns[1].speaker: must be 1 (who has the first persona) or 2 (who has the second), not "1"; ${moreSpeakers}`],
    ["turns.0.text", undefined, "turns[0].text: is missing; it must be what the speaker says"],
    ["turns.0", { speaker: 1, txt: "Hi" }, "turns[0].txt: there is no such field; the fields here are speaker, text. Did you mean text?"],
    ["persona", dialogue.personas, "persona: there is no such field; the fields here are id, personas, turns, meta. Did you mean personas?"],
    ["meta", null, "meta: must be an object, not null; leave it out where there is nothing to say"],
    ["meta.source", 1, "meta.source: must be where the dialogue is from, not 1; leave it out where nobody knows"],
    ["meta.generator", [], "meta.generator: must be what wrote the dialogue, not a list of 0; leave it out where nobody knows"],
    ["meta.scores", 0.5, 'meta.scores: must be numbers by critic such as {"faithfulness": 0.9}, not 0.5; leave it out where there are none'],
    ["meta.scores.depth", "0.5", 'meta.scores.depth: must be a finite number, not "0.5"; leave out a score that was not given'],
  ];
  for (const [path, value, problem] of cases) fails(`${named("d0")}\n\n${changed(path, value)}`, 3, problem);
  for (const value of ["null", "7", '"d1"', "true"])
    fails(value, 1, `must be a dialogue, an object with id, personas and turns, not ${value}`);
  fails("[]", 1, "must be a dialogue, an object with id, personas and turns, not a list of 0");
});

test("a line that is no JSON is refused with its number and how to write it", () => {
  const remedy =
    /not valid JSON \(.*\); write each dialogue as one JSON object on one line, with no comma after it$/;
  fails(`${line}\n${named("d2")},`, 2, remedy);
  fails(JSON.stringify(dialogue, null, 2), 1, remedy);
  fails(`[${line},\n${named("d2")}]`, 1, remedy);
  fails(line.slice(0, -1), 1, remedy);
  fails(line.replace('"d1"', "'d1'"), 1, remedy);
  fails(`${line}${named("d2")}`, 1, remedy);
  fails(`${line}\n${line.replace("Ahoy", "A\thoy")}`, 2, remedy);
});

test("an id that an earlier dialogue has is refused with that one's line", () => {
  fails(
    `${line}\n${named("d2")}\n\n${line}`,
    4,
    'id: "d1" is the dialogue of line 1; give this one another id',
  );
  assert.equal(parse(`${line}\n${named("d1 ")}\n${named("D1")}`).length, 3);
});

test("halves of characters are refused wherever they stand", () => {
  const problem = (field: string) => `${field}; half of one, such as "\\ud83d" without its other half, is in it`;
  const broken = (from: string, to: string) => line.replace(from, to);
  fails(broken("d1", "d\\ud83d"), 1, problem('id: must be made of whole characters, not "d\\ud83d"'));
  fails(broken("I sail.", "\\ude00"), 1, problem('personas[0].facts[0]: must be made of whole characters, not "\\ude00"'));
  fails(broken("Ahoy! ⛵", "\\ude00\\ud83d"), 1, problem('turns[0].text: must be made of whole characters, not "\\ude00\\ud83d"'));
  fails(broken('"notes":[', '"notes":["\\ud83d",'), 1, problem("meta: must be made of whole characters"));
  fails(broken("faithfulness", "\\ud83d"), 1, problem("meta: must be made of whole characters"));
  const both = parse(broken("Ahoy! ⛵", "\\ud83d\\ude00 \\\\ud83d"));
  assert.equal(both[0]!.turns[0]!.text, "😀 \\ud83d");
}); // prettier-ignore

test("numbers that JSON cannot hold and objects without end are refused", () => {
  fails(line.replace("0.9", "1e999"), 1, /meta\.scores\.faithfulness: must be a finite number, not Infinity/);
  fails(line.replace("true", "-1e999"), 1, /meta\.round: must be text, a finite number, true/);
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  fails(
    line.replace("true", deep),
    1,
    "meta: must be an object of fewer lists and objects inside one another",
  );
});

test("a dialogue that could not be read is not written, and what was there stays", () => {
  writeFileSync(file, "before");
  const refused = (dialogues: readonly unknown[], problem: RegExp) => {
    assert.throws(() => writeDialogues(file, dialogues as Dialogue[]), problem);
    assert.equal(readFileSync(file, "utf8"), "before");
    assert.deepEqual(readdirSync(folder), ["some.jsonl"]);
  };
  const other = { ...dialogue, id: "d2" };
  refused([], /no dialogue to write/);
  refused([dialogue, other, dialogue], /some\.jsonl, line 3: id: "d1" is the dialogue of line 1/);
  refused([other, { ...dialogue, turns: [{ speaker: 1, text: "👍".slice(0, 1) }] }], /line 2: turns\[0\]\.text: .*whole/);
  refused([{ ...dialogue, meta: { scores: { depth: NaN } } }], /line 1: meta\.scores\.depth: must be a finite number, not NaN/);
  refused([{ ...dialogue, meta: { tried: [Infinity] } }], /meta\.tried: must be text, a finite number/);
  refused([{ ...dialogue, meta: { when: new Date(0) } }], /meta\.when: must be text/);
  refused([{ ...dialogue, personas: [...dialogue.personas, { facts: [] }] }], /more than two speakers/);
}); // prettier-ignore

test("a file that is none is called by its name", () => {
  rmSync(file, { force: true });
  assert.throws(() => readDialogues(file), new RegExp(`some\\.jsonl: no such file`));
  assert.throws(() => readDialogues(folder), /: a folder, where a JSONL file is needed/);
  fails("", 1, /the file is empty/);
  fails("\n \r\n", 1, "the file has no line with a dialogue");
  fails(Buffer.from([0x1f, 0x8b, 8, 0, 0]), 1, /gzip archive; unpack it first/);
  fails("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", 1, /Git LFS pointer/);
  const utf8 = "the line is not text in UTF-8; save the file as UTF-8";
  fails(Buffer.from(`\uFEFF${line}`, "utf16le"), 1, utf8);
  fails(Buffer.from(line, "utf16le"), 1, utf8);
  fails(Buffer.concat([Buffer.from(`${line}\n`), Buffer.from(named("é"), "latin1")]), 2, utf8);
});

test("a line of ten million characters is read; a file beyond what a string holds is refused unread", () => {
  const long = changed("turns.0.text", "x".repeat(10_000_000));
  assert.equal(parse(`${long}\n${named("d2")}`)[0]!.turns[0]!.text.length, 10_000_000);
  fails(`${line}\n${long}${line}`, 2, /not valid JSON .{0,200}; write each/);
  writeFileSync(file, line);
  truncateSync(file, 2 ** 29);
  assert.throws(() => readDialogues(file), /some\.jsonl, line 1: the file has more than 512 MiB; divide/);
  rmSync(file);
});

test("any bytes are read or refused with a line of the file", () => {
  const pieces = fc.string({ unit: fc.constantFrom(...'{}[]",:\n\r\\ \u2028é1', "\\ud83d", "null", '"id"', line), maxLength: 30 }); // prettier-ignore
  const cut = fc
    .tuple(fc.nat(2 * line.length), fc.nat(2 * line.length), fc.string())
    .map(([start, end, put]) => {
      const two = `${line}\n${named("d2")}`;
      return two.slice(0, start) + put + two.slice(Math.max(start, end));
    });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.oneof(pieces, cut).map((text) => new Uint8Array(Buffer.from(text))),
  );
  let read = 0;
  fc.assert(
    fc.property(bytes, (data) => {
      try {
        const found = parse(data);
        writeDialogues(file, found);
        assert.deepEqual(readDialogues(file), JSON.parse(JSON.stringify(found)));
        read++;
      } catch (error) {
        assert.ok(error instanceof JsonlError, String(error));
        const lines = Buffer.from(data)
          .toString("latin1")
          .split(/\r\n|\r|\n/).length;
        assert.ok(error.line >= 1 && error.line <= lines, error.message);
        assert.doesNotMatch(error.message, /Invalid input|undefined|Too (big|small)/);
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(read > 20, `${read} were read`);
  assert.ok(existsSync(file));
});
