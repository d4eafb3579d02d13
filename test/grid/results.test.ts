import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { EvaluatedVariant } from "../../src/evaluation/evaluate";
import type { Settings } from "../../src/grid/declaration";
import {
  costRows,
  gridHeatmap,
  gridRecords,
  gridRows,
  type GridRun,
  readGrid,
  seededRuns,
  varyingSettings,
} from "../../src/grid/results";

function gridRun(id: string, settings: Settings, rougeL?: number): GridRun {
  const metrics = { rougeL: { value: rougeL, low: 0, high: 1 } };
  const evaluated =
    rougeL === undefined
      ? []
      : [{ summary: { variant: id, metrics }, cases: [] } as unknown as EvaluatedVariant];
  const cost = {
    attempts: 1,
    seconds: { training: 1.04, evaluating: 2 },
    totalSeconds: 3.04,
    peakMemoryBytes: 5e8,
  };
  return {
    id,
    status: rougeL === undefined ? "failed" : "done",
    settings,
    cost,
    counts: { steps: 10 },
    evaluated,
  };
}

const runs = [
  gridRun("A", { k: 5, tokens: 96, seed: 1, same: true }, 0.1),
  gridRun("B", { k: 5, tokens: 96, seed: 2, same: true }, 0.2),
  gridRun("C", { k: 3, tokens: 96, seed: 1, same: true }, 0.4),
  gridRun("D", { k: 3, tokens: 128, seed: 1, same: true }),
  gridRun("E", { k: 5, tokens: 128, seed: 1, same: true }, 0.8),
];

test("finished runs that differ in the seed only are one variant, under the name that they share", () => {
  const found = (id: string, family: string, k: number, seed: number): GridRun => {
    const identity = { kind: "model", family, seed, cut: null, trained: { k } };
    const summary = { variant: id, identity, caseSet: "x", settings: { k, seed, adapter: id } };
    return { ...gridRun(id, {}), evaluated: [{ summary, cases: [] } as unknown as EvaluatedVariant] };
  };
  const grid = [
    found("a1", "a", 1, 1),
    found("b1", "b", 3, 1),
    found("a2", "a", 1, 2),
    gridRun("failed", {}),
  ];
  assert.deepEqual(
    seededRuns(grid).map(({ name, bySeed }) => [name, bySeed.map(({ summary }) => summary.variant)]),
    [
      ["a", ["a1", "a2"]],
      ["b1", ["b1"]],
    ],
  );
});

test("tables show what varies, and gaps where there is nothing", () => {
  assert.deepEqual(varyingSettings(runs), ["k", "tokens", "seed"]);
  assert.deepEqual(gridRows(runs, ["rougeL"]).slice(2, 4), [
    { run: "C", status: "done", k: 3, tokens: 96, seed: 1, rougeL: "0.400 [0.000, 1.000]" },
    { run: "D", status: "failed", k: 3, tokens: 128, seed: 1, rougeL: null },
  ]);
  assert.deepEqual(costRows(runs)[0], {
    run: "A",
    status: "done",
    attempts: 1,
    "training (s)": 1,
    "evaluating (s)": 2,
    "total (s)": 3,
    "peak memory (MB)": 500,
    steps: 10,
  });
  const record = gridRecords(runs, ["rougeL"])[0]!;
  assert.deepEqual(
    [record["same"], record["rougeL"], record["rougeL_high"], record["training (s)"]],
    [true, 0.1, 1, 1],
  );
});

test("a heatmap has the mean of a cell's runs, in order of the values, and gaps", () => {
  const { data, layout } = gridHeatmap(runs, { x: "k", y: "tokens", metric: "rougeL" });
  const { x, y, z } = data[0] as unknown as { x: string[]; y: string[]; z: (number | null)[][] };
  assert.deepEqual(
    [x, y],
    [
      ["3", "5"],
      ["96", "128"],
    ],
  );
  assert.ok(Math.abs(z[0]![1]! - 0.15) < 1e-12);
  assert.deepEqual([z[0]![0], z[1]], [0.4, [null, 0.8]]);
  assert.match(JSON.stringify(layout.title), /mean of up to 2 runs/);
  assert.throws(
    () => gridHeatmap(runs, { x: "k", y: "nothing", metric: "rougeL" }),
    /no finished run has the settings k and nothing/,
  );
});

test("a record that cannot be read is one row, not the end", () => {
  const directory = mkdtempSync(join(tmpdir(), "grid-results-"));
  try {
    for (const [id, text] of [
      ["A", "{"],
      ["B", "{}"],
      ["C10", ""],
      ["C9", '{"version":1}'],
    ] as const) {
      mkdirSync(join(directory, "runs", id), { recursive: true });
      writeFileSync(join(directory, "runs", id, "run.json"), text);
    }
    mkdirSync(join(directory, "runs", "empty"));
    const found = readGrid(directory);
    assert.deepEqual(
      found.map(({ id, status }) => `${id} ${status}`),
      ["A unreadable", "B unreadable", "C9 unreadable", "C10 unreadable"],
    );
    assert.match(found[0]!.error!, /run\.json: not valid JSON/);
    assert.match(found[1]!.error!, /run\.json: not the record of a run/);
    assert.deepEqual(readGrid(join(directory, "none")), []);
    assert.deepEqual(varyingSettings(found), []);
    assert.equal(costRows(found).length, 4);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
