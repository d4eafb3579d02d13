import assert from "node:assert/strict";
import { test } from "node:test";
import { agreement } from "../../src/alignment/agreement";
import type { Selection } from "../../src/corpus/selections";
import { row } from "./tiny";

const rows = (labels: readonly Selection[], dialogues = labels.map((_, i) => String(i))) =>
  labels.map((label, i) => row({ id: String(i), dialogue: dialogues[i]!, label }));

test("accuracy, κ against chance, and how often none is right", () => {
  // Three facts a row; four of eight labels are none, three of eight selections.
  const labels = [null, null, null, null, 0, 1, 2, 2];
  const selected = [null, null, 1, 0, 0, 1, 2, null];
  const found = agreement(rows(labels), selected, { resamples: 200 });
  assert.equal(found.accuracy.value, 5 / 8);
  const chance = (3 / 8) * (4 / 8) + (5 / 8) * (4 / 8) * (1 / 3);
  assert.ok(Math.abs(found.kappa.value - (5 / 8 - chance) / (1 - chance)) < 1e-12);
  assert.equal(found.nonePrecision.value, 2 / 3);
  assert.equal(found.noneRecall.value, 2 / 4);
  assert.ok(found.accuracy.low < 5 / 8 && found.accuracy.high > 5 / 8);
});

test("who is always right has κ 1, who points blindly about 0, and who never says none a recall of 0", () => {
  const labels = Array.from({ length: 600 }, (_, i) => (i % 3 === 0 ? null : i % 2));
  assert.equal(agreement(rows(labels), labels, { resamples: 10 }).kappa.value, 1);
  const blind = labels.map((_, i) => [null, 0, 1, 2, 0, 1, 2][(i * 5) % 7]!);
  assert.ok(Math.abs(agreement(rows(labels), blind, { resamples: 10 }).kappa.value) < 0.08);
  const never = agreement(
    rows(labels),
    labels.map(() => 0),
    { resamples: 10 },
  );
  assert.deepEqual([never.nonePrecision.value, never.noneRecall.value], [0, 0]);
});

test("intervals draw dialogues, not rows: rows that are alike make them no narrower", () => {
  const labels = Array.from({ length: 80 }, () => 0);
  const selected = labels.map((_, i) => (Math.floor(i / 20) % 2 === 0 ? 0 : 1));
  const width = (dialogues: string[]) => {
    const { low, high } = agreement(rows(labels, dialogues), selected, { resamples: 500 }).accuracy;
    return high - low;
  };
  const [four, each] = [
    width(labels.map((_, i) => String(Math.floor(i / 20)))),
    width(labels.map((_, i) => String(i))),
  ];
  assert.ok(four > 2 * each, `${four} and ${each}`);
});

test("rows without labels, and selections of other rows, are refused", () => {
  assert.throws(() => agreement(rows([0]), [], {}), /0 selections were made for 1 rows/);
  const { label: _, ...none } = row();
  assert.throws(() => agreement([none], [0]), /d, turn 3 has no label/);
});
