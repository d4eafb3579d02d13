import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readSelections } from "../../src/corpus/selections";

const folder = mkdtempSync(join(tmpdir(), "selections-"));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const jsonl = (...rows: unknown[]) =>
  readSelections(write("rows.jsonl", rows.map((row) => JSON.stringify(row)).join("\n")));
const row = { persona: ["I sail.", "I cook."], history: ["Hi!", "Hello.", "And you?"], response: "I sail." };
const problem = (...rows: unknown[]) => {
  try {
    jsonl(...rows);
  } catch (error) {
    return (error as Error).message.replace(/^.*rows\.jsonl, /, "");
  }
  return "nothing";
};

test("a row has persona, history and response; a label is a fact's place, null or −1 for none, or not there", () => {
  const [first, none, minus, unknown] = jsonl(
    { ...row, label: 1 },
    { ...row, label: null },
    { ...row, label: -1 },
    row,
  );
  assert.deepEqual(first, {
    id: "row 1",
    dialogue: 'persona ["I sail.","I cook."]',
    ...row,
    partner: [],
    label: 1,
  });
  assert.deepEqual([none!.label, minus!.label], [null, null]);
  assert.ok(!("label" in unknown!));
});

test("turns may say who speaks: those of one speaker in a row are one", () => {
  const history = [
    { speaker: 2, text: "Hi!" },
    { speaker: 1, text: "Hello." },
    { speaker: 1, text: "And you?" },
  ];
  const [one] = jsonl({ ...row, history, speaker: 2, dialogue: "d", turn: 3, partner: ["I teach."] });
  assert.deepEqual([one!.id, one!.dialogue, one!.history], ["d, turn 3", "d", ["Hi!", "Hello. And you?"]]);
  assert.deepEqual(one!.partner, ["I teach."]);
  assert.match(problem({ ...row, history }), /^line 1: speaker: is missing; it must be 1 or 2/);
  assert.match(problem({ ...row, history, speaker: 1 }), /history: ends with a turn of who responds/);
  assert.match(
    problem({ ...row, history: ["Hi!", history[1]], speaker: 2 }),
    /turns with a speaker and turns without/,
  );
});

test("lists of PAL's released form are rows, without their speakers' names", () => {
  const released = [
    ["I sail."],
    ["person1: Hi!", "person2: Hello.", "person1: And you?"],
    "person2: I sail.",
    0,
  ];
  const [one, none, unlabelled] = jsonl(released, [...released.slice(0, 3), -1], released.slice(0, 3));
  assert.deepEqual([one!.history, one!.response, one!.label], [["Hi!", "Hello.", "And you?"], "I sail.", 0]);
  assert.deepEqual([none!.label, unlabelled!.label], [null, undefined]);
  assert.match(
    problem(released.slice(0, 2)),
    /a row that is a list has persona, history, response and label, not 2 parts/,
  );
});

test("a CSV file has the same columns, a fact and a turn a line, in any language", () => {
  const rows = readSelections(
    write(
      "rows.csv",
      'persona,history,response,label,dialogue\n"我喜欢猫。\n我是老师。","你好！\n你好。\n你做什么工作？",我在学校教书。,1,一\n"I sail.",Hi!,Hello.,none,\n"I sail.",Hi!,Hello.,,\n',
    ),
  );
  assert.deepEqual(rows[0], {
    id: "row 2",
    dialogue: "一",
    persona: ["我喜欢猫。", "我是老师。"],
    partner: [],
    history: ["你好！", "你好。", "你做什么工作？"],
    response: "我在学校教书。",
    label: 1,
  });
  assert.deepEqual([rows[1]!.label, rows[2]!.label], [null, undefined]);
  const refused = (text: string) => {
    assert.throws(
      () => readSelections(write("bad.csv", text)),
      (error: Error) => {
        found = error.message.replace(/^.*bad\.csv, /, "");
        return true;
      },
    );
    return found;
  };
  let found = "";
  assert.match(
    refused("persona,histroy,response\na,b,c\n"),
    /^line 1: there is no column history; .*Did you mean histroy\?/,
  );
  assert.match(
    refused("persona,history,response,lable\na,b,c,0\n"),
    /^line 1: there is no column lable here; .*label/,
  );
  assert.match(
    refused("persona,history,response,label\na,b,c,first\n"),
    /^line 2: label: must be the place of a fact, none, or nothing, not "first"/,
  );
  assert.match(
    refused("persona,history,response,label\na,b,c,7\n"),
    /^line 2: label: is 7, but the persona has 1 facts/,
  );
});

test("what is no row is refused by line, field and remedy", () => {
  assert.match(problem(row, { ...row, respone: "" }), /^line 2: respone: there is no such field; .*response/);
  assert.match(problem({ ...row, label: 2 }), /label: is 2, but the persona has 2 facts; places begin at 0/);
  assert.match(
    problem({ ...row, label: 0.5 }),
    /label: must be the place of a fact, from 0, or null for none, not 0.5/,
  );
  assert.match(problem({ ...row, history: [] }), /history: must have a turn that is answered/);
  assert.match(problem({ ...row, response: " " }), /response: must be what was said/);
  assert.match(problem({ ...row, persona: "I sail." }), /persona: must be a list of facts/);
  assert.throws(
    () => readSelections(write("empty.jsonl", "\n")),
    /empty\.jsonl, line 1: the file has no row/,
  );
});
