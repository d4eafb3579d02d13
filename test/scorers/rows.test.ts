import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readLabelledTexts } from "../../src/scorers/rows";

const directory = mkdtempSync(join(tmpdir(), "rows-"));
after(() => rmSync(directory, { recursive: true }));
const nli = { reads: ["premise", "hypothesis"], labels: ["entailment", "neutral", "contradiction"] };
const file = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

test("rows are read by their fields, with the label's index and their kind", () => {
  const path = file(
    "a.jsonl",
    '{"premise":"I swim.","hypothesis":"I sink.","label":"contradiction","kind":"opposite"}\n\n{"premise":"a","hypothesis":"b","label":"neutral"}\n',
  );
  assert.deepEqual(readLabelledTexts(path, nli), [
    { text: ["I swim.", "I sink."], label: 2, kind: "opposite" },
    { text: ["a", "b"], label: 1 },
  ]);
  const one = file("b.jsonl", '{"text":"hello","label":"high","trait":"E"}');
  assert.deepEqual(readLabelledTexts(one, { reads: ["text"], labels: ["low", "high"] }), [
    { text: "hello", label: 1 },
  ]);
});

test("the text files of Dialogue NLI are read with its names for the labels", () => {
  const path = file("a.txt", "i swim .</s>i sink .</s>negative\ni swim .</s>i float .</s>positive\n");
  assert.deepEqual(readLabelledTexts(path, nli), [
    { text: ["i swim .", "i sink ."], label: 2 },
    { text: ["i swim .", "i float ."], label: 0 },
  ]);
});

test("what is no such row is refused by file, line and field", () => {
  const refused = (name: string, text: string, message: RegExp) =>
    assert.throws(() => readLabelledTexts(file(name, text), nli), message);
  refused(
    "c.jsonl",
    '{"premise":"a","label":"neutral"}',
    /c\.jsonl, line 1: hypothesis: must be text, not left out/,
  );
  refused(
    "d.jsonl",
    '\n{"premise":"a","hypothesis":" ","label":"neutral"}',
    /line 2: hypothesis: must be text/,
  );
  refused(
    "e.jsonl",
    '{"premise":"a","hypothesis":"b","label":"yes"}',
    /label: must be one of entailment.*"yes"/,
  );
  refused("f.jsonl", "[1]", /line 1: a line must be an object/);
  refused("g.jsonl", "\n\n", /no rows/);
  refused("h.txt", "a</s>negative", /line 1: must be premise<\/s>hypothesis<\/s>label/);
});
