import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { JsonlError } from "../../src/corpus/lines";
import { parseRows, readRows, type RowForm } from "../../src/corpus/rows";

const all: readonly RowForm[] = ["completion", "conversation", "preference", "prompt"];
const toLearn: readonly RowForm[] = ["completion", "conversation"];
const user = { role: "user", content: "Do you sail?" };
const assistant = { role: "assistant", content: "I do." };
const system = { role: "system", content: "[PERSONA: sailor] You sail." };

const jsonl = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join("\n");
const parse = (text: string | Uint8Array, wanted = all) =>
  parseRows(typeof text === "string" ? Buffer.from(text) : text, "own.jsonl", wanted);
function refused(text: string | Uint8Array, line: number, problem: string | RegExp, wanted = toLearn): void {
  assert.throws(
    () => parse(text, wanted),
    (error: unknown) => {
      assert.ok(error instanceof JsonlError, String(error));
      assert.equal(error.line, line, error.message);
      const start = `own.jsonl, line ${line}: `;
      assert.ok(error.message.startsWith(start), error.message);
      const said = error.message.slice(start.length);
      if (typeof problem === "string") assert.equal(said, problem);
      else assert.match(said, problem);
      return true;
    },
  );
}

test("each form is read as it stands, meta included, with its line, lines without text aside", () => {
  const text = { prompt: "Q: Do you sail?\nA:", completion: " I do." };
  assert.deepEqual(
    parse(`\uFEFF${jsonl(text)}\r\n\r\n${jsonl({ ...text, meta: { from: "me", n: [1] } })}\n`),
    {
      form: "completion",
      path: "own.jsonl",
      rows: [
        { ...text, line: 1 },
        { ...text, meta: { from: "me", n: [1] }, line: 3 },
      ],
    },
  );
  const rowsOf = (row: unknown, wanted = all) => {
    const { form, rows } = parse(jsonl(row), wanted);
    assert.deepEqual(rows, [{ ...(row as object), line: 1 }]);
    return form;
  };
  assert.equal(rowsOf({ prompt: [system, user], completion: [assistant] }), "completion");
  assert.equal(rowsOf({ messages: [system, user, assistant, user, assistant] }), "conversation");
  assert.equal(rowsOf({ messages: [assistant, user, assistant] }), "conversation");
  assert.equal(rowsOf({ prompt: "a", chosen: "b", rejected: "c" }), "preference");
  assert.equal(rowsOf({ prompt: [user], chosen: [assistant], rejected: [assistant] }), "preference");
  assert.equal(rowsOf({ prompt: "a" }), "prompt");
  assert.equal(rowsOf({ prompt: [user] }, ["prompt"]), "prompt");
});

test("a file is read from disk; what is no file is said", () => {
  const folder = mkdtempSync(join(tmpdir(), "rows-"));
  try {
    const path = join(folder, "own.jsonl");
    writeFileSync(path, jsonl({ messages: [user, assistant] }));
    assert.equal(readRows(path, toLearn).rows.length, 1);
    assert.throws(() => readRows(join(folder, "none.jsonl"), toLearn), /none\.jsonl: no such file/);
    assert.throws(() => readRows(folder, toLearn), /a folder, where a JSONL file is needed/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what is wrong with a row is said with field and remedy", () => {
  const bad = (row: unknown, problem: string | RegExp, wanted = toLearn) =>
    refused(jsonl({ prompt: "a", completion: "b" }, row).replace(/^.*\n/, "\n"), 2, problem, wanted);
  bad(
    { prompt: "a", completion: " " },
    'completion: must be what is to be learned, not " "; leave rows without an answer out',
  );
  bad({ prompt: "", completion: "b" }, /^prompt: must be what is given, not ""/);
  bad(
    { prompt: "a", completion: 3 },
    /^completion: must be what is to be learned, as text or as messages, not 3/,
  );
  bad({ completion: "b" }, /^prompt: is missing/);
  bad({ prompt: "a\ud83d", completion: "b" }, /^prompt: must be made of whole characters/);
  bad(
    { prompt: "a", completion: "b", id: 3 },
    "id: there is no such field; the fields here are prompt, completion, meta. What training shall not read may stand in meta.",
  );
  bad({ prompt: "a", completion: "b", meta: 3 }, /^meta: must be an object, not 3; leave it out/);
  bad(
    { prompt: "a", completion: [assistant] },
    "completion: must be text, as prompt is, not a list of messages; write both as text, or both as messages",
  );
  bad({ prompt: [user], completion: "b" }, /^completion: must be a list of messages, as prompt is, not text/);
  bad(
    { prompt: [user], completion: [user] },
    /^completion: must be a list of one message of the assistant; what/,
  );
  bad(
    { prompt: [user], completion: [assistant, user, assistant] },
    /^completion: must be a list of one message/,
  );
  bad(
    { prompt: [user, assistant], completion: [assistant] },
    /^prompt: must be a list that ends with .* the user/,
  );
  bad(
    { prompt: [], completion: [assistant] },
    /^prompt: must be a list that ends with a message of the user/,
  );
  bad(
    { messages: [user] },
    /^messages: must be a list that ends with a message of the assistant; nothing is/,
  );
  bad({ messages: [] }, /^messages: must be a list that ends with a message of the assistant/);
  bad({ messages: "Hello" }, /^messages: must be a list of messages such as .*, not "Hello"/);
  bad(
    { messages: [{ role: "human", content: "a" }, assistant] },
    'messages[0].role: must be "system", "user" or "assistant", not "human"; write "user"',
  );
  bad(
    { messages: [{ role: "tool", content: "a" }, assistant] },
    /not "tool"; calls of tools are not supported/,
  );
  bad({ messages: [{ role: "gpt", content: "a" }] }, /write "assistant"$/);
  bad({ messages: [user, system, assistant] }, /its system message first; message 2 is another one/);
  bad(
    { messages: [user, { role: "assistant", content: " " }] },
    /^messages\[1\]\.content: must be what is said/,
  );
  bad(
    { messages: [{ role: "user" }, assistant] },
    "messages[0].content: is missing; it must be what is said",
  );
  bad({ messages: [{ ...user, name: "a" }, assistant] }, /^messages\[0\]\.name: there is no such field/);
  bad(
    { messages: [{ ...user, content: [{ type: "text" }] }, assistant] },
    /content: must be what is said, not a list/,
  );
  bad({ messages: [user, assistant], prompt: "a" }, /^prompt: there is no such field/);
  bad({ prompt: "a", chosen: "b" }, /^rejected: is missing/, ["preference"]);
  bad({ prompt: "a", chosen: "b", rejected: [assistant] }, /^rejected: must be text, as prompt is/, [
    "preference",
  ]);
});

test("a row of another form is named, and how other programs' forms are written here", () => {
  const asked = "what is needed here is one of prompt and completion, or messages";
  refused(
    jsonl({ prompt: "a", chosen: "b", rejected: "c" }),
    1,
    `is a row of prompt, chosen and rejected; ${asked}`,
  );
  refused(jsonl({ prompt: "a" }), 1, `is a row of a prompt alone; ${asked}`);
  refused(
    jsonl({ prompt: "a", completoin: "b" }),
    1,
    /has the fields prompt, completoin; .* Did you mean completion\?/,
  );
  refused(jsonl({}), 1, "has no field; a row has prompt and completion, or messages.");
  for (const value of [3, null, [], "a"])
    refused(jsonl(value), 1, /^must be an object with prompt and completion, or messages, not /);
  refused(jsonl({ conversations: [{ from: "human", value: "a" }] }), 1, /"messages": .* of ShareGPT$/);
  refused(
    jsonl({ instruction: "a", input: "", output: "b" }),
    1,
    /instruction and input together are the prompt/,
  );
  refused(jsonl({ text: "a" }), 1, /write prompt and completion, or messages$/);
  refused(jsonl({ id: "a", personas: [], turns: [] }), 1, /^has turns; this is a dialogue/);
  refused(jsonl({ prompt: "a", completion: "b" }), 1, /one of prompt, chosen and rejected$/, ["preference"]);
});

test("a file has rows of one form", () => {
  const text = { prompt: "a", completion: "b" };
  refused(
    jsonl(text, text, { messages: [user, assistant] }),
    3,
    "is a row of messages, while line 1 is one of prompt and completion; give each form a file of its own",
  );
  refused(
    jsonl(text, { prompt: [user], completion: [assistant] }),
    2,
    "prompt: is a list of messages, while that of line 1 is text; give each form a file of its own",
  );
  refused("\n\n", 1, "the file has no line with a row");
  refused("", 1, /^the file is empty/);
  refused("{", 1, /^not valid JSON .*write each row as one JSON object on one line/);
  refused(Buffer.concat([Buffer.from(jsonl(text)), Buffer.from("\n\xff", "latin1")]), 2, /not text in UTF-8/);
});

// ------------------------------------------------------------------------------------------- whatever stands in a file

const words = fc.string({ unit: "binary" }).filter((text) => text.trim() !== "");
const of = (role: string) => fc.record({ role: fc.constant(role), content: words });
const talk = fc
  .tuple(
    fc.option(of("system"), { nil: undefined }),
    fc.array(fc.tuple(of("user"), of("assistant")), { maxLength: 3 }),
  )
  .map(([first, pairs]) => [...(first ? [first] : []), ...pairs.flat()]);
const promptList = fc.tuple(talk, of("user")).map(([before, last]) => [...before, last]);
const answerList = of("assistant").map((message) => [message]);
const row = fc.oneof(
  fc.record({ prompt: words, completion: words }),
  fc.record({ prompt: promptList, completion: answerList }),
  fc.record({ messages: fc.tuple(promptList, of("assistant")).map(([before, last]) => [...before, last]) }),
  fc.record({ prompt: words, chosen: words, rejected: words }),
  fc.record({ prompt: promptList, chosen: answerList, rejected: answerList }),
);

test("every row of a form is read as it was written", () => {
  fc.assert(
    fc.property(row, fc.integer({ min: 1, max: 3 }), (one, times) => {
      const { rows } = parse(jsonl(...Array.from({ length: times }, () => one)));
      assert.deepEqual(
        rows,
        Array.from({ length: times }, (_, i) => ({
          ...(JSON.parse(JSON.stringify(one)) as object),
          line: i + 1,
        })),
      );
    }),
  );
});

test("a row with anything changed is read as it stands or refused by line", () => {
  const path = fc.array(fc.nat(5), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      row,
      path,
      fc.oneof(fc.jsonValue(), fc.constant(undefined)),
      fc.string(),
      (one, way, value, name) => {
        const copy = JSON.parse(JSON.stringify(one)) as Record<string, unknown>;
        let place: object = copy;
        for (const step of way.slice(0, -1)) {
          const inner = Object.values(place)[step % Object.keys(place).length] as unknown;
          if (typeof inner !== "object" || inner === null || Object.keys(inner).length === 0) break;
          place = inner;
        }
        const key = Object.keys(place)[way.at(-1)! % Object.keys(place).length]!;
        Object.assign(place, value === undefined ? { [name]: 1 } : { [key]: value });
        const text = jsonl(copy);
        try {
          const { rows } = parse(text);
          assert.deepEqual(rows, [{ ...(JSON.parse(text) as object), line: 1 }]);
        } catch (error) {
          assert.ok(error instanceof JsonlError, String(error));
          assert.match(error.message, /^own\.jsonl, line 1: ./);
        }
      },
    ),
  );
});

test("any bytes are read or refused by line", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        parse(bytes);
      } catch (error) {
        assert.ok(error instanceof JsonlError, String(error));
      }
    }),
  );
});
