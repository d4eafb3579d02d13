import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { embeddedRows, readAlignedRows, rowsOfDialogues } from "../../src/alignment/dialogues";

const folder = mkdtempSync(join(tmpdir(), "aligned-"));
after(() => rmSync(folder, { recursive: true }));

test("each turn that answers the other is a row, with who speaks and what was said before", () => {
  const rows = rowsOfDialogues([
    {
      id: "d",
      personas: [{ facts: ["I sail."] }, { facts: ["I teach."] }],
      turns: [
        { speaker: 1, text: "Hi!" },
        { speaker: 2, text: "Hello." },
        { speaker: 2, text: "And you?" },
        { speaker: 1, text: "I sail." },
        { speaker: 2, text: " " },
      ],
    },
  ]);
  assert.deepEqual(
    rows.map(({ id, persona, partner, history, response }) => [
      id,
      persona[0],
      partner[0],
      history,
      response,
    ]),
    [
      ["d, turn 1", "I teach.", "I sail.", ["Hi!"], "Hello."],
      ["d, turn 3", "I sail.", "I teach.", ["Hi!", "Hello. And you?"], "I sail."],
    ],
  );
});

test("the labelled turns are turns of the sample, with the other's facts; training rows have no label", async () => {
  const { train, valid, test: held } = await embeddedRows();
  assert.deepEqual([valid.length, held.length], [102, 98]);
  assert.ok(train.length > 5000 && train.every(({ label }) => label === undefined));
  assert.ok([...valid, ...held].every(({ label, partner }) => label !== undefined && partner.length > 0));
  const dialogues = new Set(train.map(({ dialogue }) => dialogue));
  assert.ok([...valid, ...held].every(({ dialogue }) => !dialogues.has(dialogue)));
});

test("aligned files are rows; those of equal facts are of one dialogue", () => {
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("per-x.txt", "i sail .</s>i cook .\ni sail .</s>i cook .\ni teach .\n");
  write("src-x.txt", "hi !\nand ?\n \n");
  write("tgt-x.txt", "hello .\ni sail .\nyes .\n");
  const rows = readAlignedRows(folder, "x");
  assert.deepEqual(
    rows.map(({ id }) => id),
    ["x, line 1", "x, line 2"],
  );
  assert.equal(rows[0]!.dialogue, rows[1]!.dialogue);
  assert.deepEqual(
    [rows[1]!.persona, rows[1]!.history, rows[1]!.response],
    [["i sail .", "i cook ."], ["and ?"], "i sail ."],
  );
  write("tgt-x.txt", "hello .\n");
  assert.throws(() => readAlignedRows(folder, "x"), /have 3, 3 and 1 lines; they must have as many/);
  assert.throws(() => readAlignedRows(folder, "y"), /per-y\.txt: no such file/);
});
