import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeRecords } from "../../src/corpus/records";
import { readSimulatorData, recordsOf } from "../../src/simulator/data";
import { topicsOf } from "../../src/simulator/topics";
import { fewRecords, fewTurns } from "./few-records";

const folder = mkdtempSync(join(tmpdir(), "simulator-data-"));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, records: Parameters<typeof writeRecords>[1]) => {
  const path = join(folder, name);
  writeRecords(path, records);
  return path;
};
const topics = ["tea", "rain", "bread", "stairs", "keys", "ducks"];

test("without a path they are those of the project: six personas, no topic in two splits", () => {
  const { splits, personas, files } = readSimulatorData();
  assert.equal(personas.length, 6);
  assert.equal(files.length, 6);
  assert.deepEqual([splits.train.length, splits.valid.length, splits.test.length], [168, 24, 48]);
  assert.ok(topicsOf(splits.test).every((topic) => !topicsOf(splits.train).includes(topic)));
});

test("a file of one's own has its personas alone; a folder all of its files", () => {
  const own = readSimulatorData(file("own.jsonl", fewRecords(topics)));
  assert.deepEqual(
    own.personas.map(({ id }) => id),
    ["playful", "terse_engineer"],
  );
  assert.deepEqual(topicsOf(own.splits.test), ["keys"]);
  assert.equal(own.splits.train[0]!.line, 1);
  mkdirSync(join(folder, "both"));
  file("both/a.jsonl", fewRecords(topics.slice(0, 3)));
  file("both/b.jsonl", fewRecords(topics.slice(3)));
  assert.equal(readSimulatorData(join(folder, "both")).files.length, 2);
});

test("what cannot be studied is refused with the remedy", () => {
  mkdirSync(join(folder, "empty"));
  writeFileSync(join(folder, "bad.jsonl"), '{"persona_id": "playful"}\n');
  const grump = { ...fewTurns("playful", "tea"), persona_id: "grump" };
  const refused: [string, RegExp][] = [
    [join(folder, "none.jsonl"), /^Error: DATA: .*none\.jsonl: there is no such/],
    [join(folder, "empty"), /no JSONL file in it/],
    [join(folder, "bad.jsonl"), /bad\.jsonl, line 1: /],
    [file("grump.jsonl", [grump]), /there is no persona "grump": there are anxious_traveller, /],
    [file("one.jsonl", topics.map((topic) => fewTurns("playful", topic))), /all dialogues are of playful.*two personas at least/],
    [file("few.jsonl", fewRecords(topics.slice(0, 4))), /4 topics; 5 at least/],
  ]; // prettier-ignore
  for (const [path, message] of refused) assert.throws(() => readSimulatorData(path), message);
});

test("of one persona the records are its own, of all every one, of nobody none without a word", () => {
  const { splits, personas } = readSimulatorData();
  const own = recordsOf(splits.test, "playful", personas);
  assert.equal(own.length, 8);
  assert.ok(own.every(({ persona_id }) => persona_id === "playful"));
  assert.equal(recordsOf(splits.test, "all", personas), splits.test);
  assert.throws(() => recordsOf(splits.test, "plaiful", personas), /no persona "plaiful".*playful/s);
});
