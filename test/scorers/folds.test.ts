import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeJsonLines } from "../../src/io/files";
import { compareFolds, crossValidate, foldsOf, logisticFit } from "../../src/scorers/folds";
import type { LabelledText } from "../../src/scorers/rows";
import type { ScoredText } from "../../src/scorers/scorer";
import { checkScorerTraining } from "../../src/scorers/train";

const directory = mkdtempSync(join(tmpdir(), "folds-"));
after(() => rmSync(directory, { recursive: true }));
const form = { name: "mood", labels: ["low", "high"], reads: ["text"] };
const settings = { learningRate: 0.1, epochs: 10, seed: 3 };

test("rows of one group are in one fold, every row is in one, and folds are of nearly one size", () => {
  const rows = Array.from({ length: 23 }, (_, i) => ({
    ...(i % 3 > 0 && { group: `g${Math.floor(i / 3)}` }),
  }));
  const folds = foldsOf(rows, 4, 1);
  assert.deepEqual(folds.flat().sort((a, b) => a - b), [...rows.keys()]); // prettier-ignore
  for (const { group } of rows)
    if (group !== undefined)
      assert.equal(folds.filter((fold) => fold.some((at) => rows[at]!.group === group)).length, 1);
  const sizes = folds.map(({ length }) => length);
  assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 2, String(sizes));
  assert.deepEqual(foldsOf(rows, 4, 1), folds);
  assert.throws(
    () => foldsOf([{ group: "a" }, { group: "a" }], 2, 1),
    /1 groups of rows cannot be dealt out to 2/,
  );
});

test("each row is scored by a scorer that has read no row of its fold", async () => {
  const rows = Array.from({ length: 12 }, (_, i): LabelledText => ({ text: `word${i}`, label: i % 2 }));
  const folds = foldsOf(rows, 3, 1);
  const read: ScoredText[][] = [];
  await crossValidate(rows, folds, (others, fold) => {
    read[fold] = others.map(({ text }) => text);
    return logisticFit(form, settings)(others, fold);
  });
  folds.forEach((held, fold) => {
    assert.equal(read[fold]!.length, rows.length - held.length);
    for (const at of held) assert.ok(!read[fold]!.includes(rows[at]!.text));
  });
});

test("what can be told is told beside baselines of the same folds, and what cannot has κ around 0", async () => {
  const train = join(directory, "rows.jsonl");
  const rows = Array.from({ length: 60 }, (_, i) => ({
    text: `${i % 2 === 0 ? "party" : "book"} ${["sun", "rain", "snow"][i % 3]}`,
    label: i % 2 === 0 ? "high" : "low",
    group: `g${Math.floor(i / 2)}`,
  }));
  writeJsonLines(train, rows);
  const told = {
    ...form,
    ...settings,
    form: "logistic",
    train,
    output: join(directory, "out"),
    licence: "CC0-1.0",
  };
  const found = await compareFolds(checkScorerTraining(told, "settings"), { folds: 5 });
  assert.equal(found.measures.count, rows.length);
  assert.equal(found.measures.accuracy.value, 1);
  assert.equal(found.measures.kappa.value, 1);
  assert.deepEqual(
    Object.keys(found.baselines),
    ["commonest label"],
    "a logistic model is not compared with itself",
  );
  assert.ok(found.differences["commonest label"]!.low > 0.3);
  writeJsonLines(train, rows.map((row, i) => ({ ...row, text: ["sun", "rain", "snow"][i % 3] }))); // prettier-ignore
  const blind = await compareFolds(checkScorerTraining(told, "settings"), { folds: 5 });
  assert.ok(blind.measures.kappa.low <= 0, JSON.stringify(blind.measures.kappa));
});
