import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { askedRows } from "../../../src/experiments/methods/asked";
import { writeRows } from "./tiny-sft";

const folder = mkdtempSync(join(tmpdir(), "asked-"));
after(() => rmSync(folder, { recursive: true }));
const file = (...rows: object[]) => writeRows(join(folder, "own.jsonl"), rows);
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const sailor = { facts: ["I sail."] };
const teacher = { facts: ["I teach."] };

test("a row is one turn to be answered: a completion, the chosen one, or a drawn turn of the assistant's", () => {
  const text = file({ prompt: "Q:", completion: " yes " }, { prompt: "R:", completion: " no" });
  assert.deepEqual(
    askedRows(text, { seed: 1 }).map(({ id, text, prompt }) => [id, text, prompt]),
    [
      ["own.jsonl, row 1", "yes", "Q:"],
      ["own.jsonl, row 2", "no", "R:"],
    ],
  );
  assert.equal(askedRows(text, { seed: 1, limit: 1 }).length, 1);
  const [preferred] = askedRows(
    file({ prompt: [user("a")], chosen: [assistant("b")], rejected: [assistant("c")] }),
    {
      seed: 1,
    },
  );
  assert.equal(preferred!.text, "b");

  const messages = [
    assistant("0"),
    user("a"),
    assistant("1"),
    user("b"),
    assistant("2"),
    assistant("3"),
    user("c"),
    assistant("4"),
  ];
  const path = file(...Array.from({ length: 60 }, () => ({ messages })));
  const rows = askedRows(path, { seed: 1 });
  const drawn = new Set(rows.map(({ text }) => text));
  assert.deepEqual([...drawn].sort(), ["1", "2", "4"], "turns that answer the user, each of them somewhere");
  for (const { id, prompt, text } of rows) {
    assert.deepEqual(
      prompt,
      messages.slice(
        0,
        messages.findIndex(({ content }) => content === text),
      ),
    );
    assert.match(id, /^own\.jsonl, row \d+, turn [358]$/);
  }
  assert.deepEqual(askedRows(path, { seed: 1, limit: 7 }), rows.slice(0, 7), "whatever the other rows are");
  assert.notDeepEqual(askedRows(path, { seed: 2 }), rows);
});

test("who speaks is known of dialogues, and of rows that say so", () => {
  const said = { messages: [user("Hi"), assistant("Ho")] };
  const [known, unknown] = askedRows(
    file({ ...said, meta: { personas: { assistant: sailor, user: teacher } } }, said),
    {
      seed: 1,
    },
  );
  assert.deepEqual([known!.personas, known!.speaker], [[teacher, sailor], 2]);
  assert.deepEqual(unknown!.personas, [{ facts: [] }, { facts: [] }]);

  const turns = [1, 2, 1].map((speaker, i) => ({ speaker, text: `turn ${i}` }));
  const both = askedRows(file({ id: "d", personas: [sailor, teacher], turns }), { seed: 1 });
  assert.deepEqual(
    both.map(({ personas, text }) => [personas, text]),
    [
      [[teacher, sailor], "turn 2"],
      [[sailor, teacher], "turn 1"],
    ],
  );
});

test("rows that cannot be asked are refused by line", () => {
  const refused = (said: RegExp, ...rows: object[]) =>
    assert.throws(() => askedRows(file(...rows), { seed: 1 }), said);
  const row = { messages: [user("a"), assistant("b")] };
  refused(/own\.jsonl, line 2: messages: the assistant answers nothing/, row, { messages: [assistant("b")] });
  refused(/own\.jsonl, line 2: meta\.personas: must be an object/, row, { ...row, meta: { personas: 1 } });
  refused(/own\.jsonl, line 1: is a row of a prompt alone/, { prompt: "a" });
});
