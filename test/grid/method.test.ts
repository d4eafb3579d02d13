import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { GridDeclaration } from "../../src/grid/declaration";
import { gridRecords, gridRows, readGrid, seededRuns } from "../../src/grid/results";
import { runGrid } from "../../src/grid/run";
import { sailorRows, tinyConfig, writeRows } from "../experiments/methods/tiny-sft";

const folder = mkdtempSync(join(tmpdir(), "grid-method-"));
after(() => rmSync(folder, { recursive: true }));
const config = join(folder, "own.json");
writeFileSync(config, JSON.stringify(tinyConfig(folder, { maxSteps: 4 })));
const heldOut = writeRows(join(folder, "held-out.jsonl"), sailorRows(17).slice(14));
const base = { method: "sft", config, test: heldOut, answerTokens: 6 };
const grid = (declaration: GridDeclaration, directory = join(folder, "grid"), changed?: "rerun") =>
  runGrid(declaration, { directory, parallel: 1, say: () => {}, ...(changed && { changed }) });

test("a method's configuration is run over settings, and each adapter answers the held-out rows", async () => {
  const declaration = { base, axes: { learningRate: [0.0001, 0.02], seed: [1, 2] } };
  const outcomes = await grid(declaration);
  assert.deepEqual(
    outcomes.map(({ id, outcome }) => [id, outcome]),
    ["0.0001", "0.02"].flatMap((rate) => [1, 2].map((seed) => [`learningRate_${rate}-seed_${seed}`, "done"])),
  );
  const runs = readGrid(join(folder, "grid"));
  const bits = runs.map(({ evaluated }) => evaluated[0]!.summary.likelihood!.bitsPerByte.value);
  assert.ok(Math.max(bits[2]!, bits[3]!) < Math.min(bits[0]!, bits[1]!), bits.join());
  assert.equal(runs[0]!.counts["steps"], 4);
  assert.ok(runs[0]!.counts["tokens"]! > 100);
  assert.deepEqual(
    seededRuns(runs).map(({ name, bySeed }) => [name, bySeed.length]),
    [
      ["learningRate_0.0001", 2],
      ["learningRate_0.02", 2],
    ],
  );
  assert.match(String(gridRows(runs, ["bitsPerByte"])[0]!["bitsPerByte"]), /^\d+\.\d{3} \[/);
  assert.equal(gridRecords(runs, ["perplexity"])[0]!["learningRate"], 0.0001);
  assert.ok(existsSync(join(folder, "grid/runs/learningRate_0.02-seed_2/adapter/adapter_model.safetensors")));

  assert.deepEqual(new Set((await grid(declaration)).map(({ outcome }) => outcome)), new Set(["skipped"]));
  writeFileSync(heldOut, readFileSync(heldOut, "utf8").replace("Ahoy", "Hello"));
  await assert.rejects(grid(declaration), /learningRate_0\.0001-seed_1: .*test/);
});

test("what a method cannot be told is refused by run, before anything starts", async () => {
  const refused = (settings: Record<string, string | number>, said: RegExp) =>
    assert.rejects(grid({ runs: { A: { ...base, ...settings } } }, join(folder, "never")), said);
  await refused({ method: "stf" }, /run A: method: must be one of sft, dpo, .*Did you mean sft/);
  await refused(
    { learnRate: 1 },
    /run A: .*own\.json: not a configuration of sft:[\s\S]*Did you mean learningRate/,
  );
  await refused({ config: join(folder, "none.json") }, /run A: config: .*none\.json/);
  await refused({ test: join(folder, "none.jsonl") }, /run A: test: .*none\.jsonl/);
  await refused({ data: join(folder, "none.jsonl") }, /run A: data: .*none\.jsonl/);
  await refused({ output: "x" }, /run A: output: each run of a grid has a folder of its own/);
  await refused({ nTest: 0 }, /run A: nTest and answerTokens.*nTest/s);
  await assert.rejects(
    grid({ runs: { A: base, B: { k: 3 } } }, join(folder, "never")),
    /of the runs A and B one names a method and one does not/,
  );
  assert.equal(existsSync(join(folder, "never")), false);
});
