import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { askedTurns, othersAnswers, realAnswers } from "../../src/alignment/answers";
import {
  commonestSelection,
  isSelectedRight,
  labelledRows,
  promptsFor,
  rowsAt,
  studyChoices,
  studyRows,
  studySizes,
} from "../../src/alignment/plan";
import { taskRows } from "../../src/alignment/show";
import { drawBalanced } from "../../src/alignment/splits";
import { row, unlabelled } from "./tiny";

const folder = mkdtempSync(join(tmpdir(), "plan-"));
after(() => rmSync(folder, { recursive: true }));

test("a profile decides the numbers that are not given", () => {
  const { nTrain, sftSteps } = studySizes("quick", { sftSteps: 3, nTrain: 0 });
  assert.deepEqual([nTrain, sftSteps], [studySizes("quick").nTrain, 3]);
  assert.ok(studySizes("full").nTrain > studySizes("quick").nTrain);
  assert.deepEqual([promptsFor("CAUSAL_LM", 2).form, promptsFor("SEQ_2_SEQ_LM", 2).form], ["chat", "text"]);
});

test("choices are names that there are, and a weight for each task", () => {
  const given = { MIXTURE: [1, 2, 3], FILTER: "paper", REFERENCE: "released", SELECTOR: "beam" };
  assert.deepEqual(studyChoices(given), {
    mixture: { select: 1, grounded: 2, ungrounded: 3 },
    filter: "paper",
    reference: "released",
    selector: "beam",
  });
  assert.throws(
    () => studyChoices({ ...given, SELECTOR: "beams" }),
    /SELECTOR=beams: it is one of greedy, beam, likelihood\. Did you mean beam\?/,
  );
  assert.throws(
    () => studyChoices({ ...given, MIXTURE: [1] }),
    /the mixture has 3 weights \(select, grounded, ungrounded\), not 1/,
  );
});

test("rows are drawn so that a share of them rest on no fact, as far as there are so many", () => {
  const rows = Array.from({ length: 90 }, (_, i) => row({ id: String(i), label: i % 9 === 0 ? 0 : null }));
  const drawn = drawBalanced(rows, { count: 12, noneShare: 1 / 3, seed: 1 });
  assert.deepEqual([drawn.length, drawn.filter(({ label }) => label === null).length], [12, 4]);
  assert.deepEqual(drawn, drawBalanced(rows, { count: 12, noneShare: 1 / 3, seed: 1 }));
  assert.notDeepEqual(drawn, drawBalanced(rows, { count: 12, noneShare: 1 / 3, seed: 2 }));
  assert.equal(drawBalanced(rows, { count: 60, noneShare: 1 / 3, seed: 1 }).length, 30);
});

test("one's own rows are dealt into splits; those with labels measure the ways to derive them", async () => {
  const path = join(folder, "own.jsonl");
  const lines = Array.from({ length: 30 }, (_, i) => {
    const { persona, history, response } = row();
    return JSON.stringify({ persona, history, response, dialogue: `d${i}`, ...(i < 4 && { label: 1 }) });
  });
  writeFileSync(path, lines.join("\n"));
  const splits = await studyRows({ profile: "quick", data: path, seed: 1 }, { nTrain: 30, nTest: 2 });
  assert.deepEqual([splits.train.length, splits.valid.length, splits.test.length], [24, 2, 2]);
  assert.equal((await labelledRows({ data: path })).length, 4);
  assert.equal((await labelledRows({ data: "" })).length, 200);
  assert.throws(() => rowsAt(join(folder, "none.jsonl")), /none\.jsonl: no such file or folder of rows/);
});

test("the commonest selection, and which selections are right", () => {
  const rows = [
    row({ id: "a", label: null }),
    row({ id: "b", label: 1 }),
    row({ id: "c", label: 1 }),
    unlabelled({ id: "d" }),
  ];
  assert.equal(commonestSelection(rows), 1);
  const selected = new Map([
    ["a", null],
    ["b", 0],
    ["c", 1],
  ]);
  const ids = (right: boolean) =>
    rows
      .slice(0, 3)
      .filter(isSelectedRight(selected, right))
      .map(({ id }) => id);
  assert.deepEqual([ids(true), ids(false)], [["a", "c"], ["b"]]);
});

test("the bounds are what was said, and what is said in another dialogue", async () => {
  const rows = ["x", "x", "y"].map((dialogue, i) => row({ id: String(i), dialogue, response: `said ${i}` }));
  const said = async (variant: ReturnType<typeof realAnswers>) =>
    (await variant.generate(askedTurns(rows))).map(({ output }) => output);
  assert.deepEqual(await said(realAnswers()), ["said 0", "said 1", "said 2"]);
  assert.deepEqual(await said(othersAnswers(rows)), ["said 2", "said 2", "said 0"]);
});

test("tasks are shown with their losses at first and at last, and their share of the labels", () => {
  const log = Array.from({ length: 10 }, (_, i) => ({
    metrics: { "loss/select": 5 - i / 2, "share/select": 0.25, ...(i % 2 === 0 && { "loss/grounded": 4 }) },
  })) as unknown as Parameters<typeof taskRows>[0];
  const [select, grounded, ungrounded] = taskRows(log);
  assert.deepEqual(select, {
    task: "select",
    "loss at first": 4.75,
    "loss at last": 0.75,
    "share of labels": 0.25,
  });
  assert.deepEqual([grounded!["loss at first"], ungrounded!["loss at last"]], [4, 0]);
});
