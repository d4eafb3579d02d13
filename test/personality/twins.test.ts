import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readTraitDialogues } from "../../src/personality/twins";

const directory = mkdtempSync(join(tmpdir(), "twins-"));
after(() => rmSync(directory, { recursive: true }));
const file = (...lines: object[]) => {
  const path = join(directory, "dialogues.jsonl");
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return path;
};
const none = { O: "none", C: "none", E: "none", A: "none", N: "none" };
const line = {
  id: "p001",
  form: "traits",
  personas: [
    { facts: ["I sail."], traits: { ...none, E: "low", O: "high" } },
    { facts: ["I bake."], traits: none },
  ],
  turns: ["Hello.", "Hello!", "Bye."],
};

test("a line is a dialogue of two who speak in turn; traits have their names, and what is none is left out", () => {
  const [one, twin] = readTraitDialogues(file(line, { ...line, form: "plain" }));
  assert.deepEqual(one, {
    id: "p001 traits",
    form: "traits",
    pair: "p001",
    personas: [
      { facts: ["I sail."], traits: { openness: "high", extraversion: "low" } },
      { facts: ["I bake."] },
    ],
    turns: [
      { speaker: 1, text: "Hello." },
      { speaker: 2, text: "Hello!" },
      { speaker: 1, text: "Bye." },
    ],
  });
  assert.deepEqual([twin!.id, twin!.pair, twin!.form], ["p001 plain", "p001", "plain"]);
});

test("what is no such line is refused by line, field and remedy", () => {
  const refused = (problem: RegExp, ...lines: object[]) =>
    assert.throws(() => readTraitDialogues(file(...lines)), problem);
  refused(/line 2: id: line 1 is the dialogue "p001" of form traits already/, line, line);
  refused(/line 2: personas: line 1 has the same id and other personas/, line, {
    ...line,
    form: "plain",
    personas: [line.personas[1], line.personas[0]],
  });
  refused(/form/, { ...line, form: "trait" });
  refused(/turns/, { ...line, turns: ["Alone."] });
  refused(/personas\[0\]\.traits\.E/, {
    ...line,
    personas: [{ facts: [], traits: { ...none, E: "medium" } }, line.personas[1]],
  });
  refused(/there is no such name/, { ...line, tuns: [] });
});

test("the project's own dialogues are read, too: with regard to traits if somebody has any", () => {
  const own = {
    id: "a",
    personas: [{ facts: ["I sail."], traits: { openness: "high" } }, { facts: [] }],
    turns: [{ speaker: 2, text: "Hi." }],
  };
  const found = readTraitDialogues(file(own, { ...own, id: "b", personas: [{ facts: [] }, { facts: [] }] }));
  assert.deepEqual(found.map(({ id, form, pair }) => [id, form, pair]), [["a", "traits", "a"], ["b", "plain", "b"]]); // prettier-ignore
});
