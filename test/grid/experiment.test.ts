import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { GridDeclaration } from "../../src/grid/declaration";
import { readGrid } from "../../src/grid/results";
import { runGrid } from "../../src/grid/run";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { randomT5, TINY } from "../models/tiny";

const folder = mkdtempSync(join(tmpdir(), "grid-experiment-"));
const corpus = process.env["PERSONA_DATA"];
before(() => {
  const model = join(folder, "model");
  writeModelDirectory(model, randomT5({ ...TINY, vocabSize: 8000 }, 5), { tokenizerFrom: embeddedTokenizer });
  process.env["PERSONA_MODEL"] = model;
  delete process.env["PERSONA_DATA"];
});
after(() => {
  delete process.env["PERSONA_MODEL"];
  if (corpus !== undefined) process.env["PERSONA_DATA"] = corpus;
  rmSync(folder, { recursive: true });
});

const tiny = { nTrain: 10, nValidation: 0, evalSteps: 0, nTest: 2, batchSize: 2, rank: 2, warmupSteps: 1 };
const base = { ...tiny, maxInputTokens: 96, maxNewTokens: 8, learningRate: 0.02, trainHead: false };
const run = (declaration: GridDeclaration, directory: string) =>
  runGrid(declaration, { directory, parallel: 1, say: () => {} });

function steps(directory: string, id: string): number {
  const own = join(directory, "runs", id);
  if (!existsSync(own)) return 0;
  const logs = readdirSync(own).map((name) => join(own, name, "training_log.jsonl"));
  return Math.max(
    0,
    ...logs.filter(existsSync).map((path) => readFileSync(path, "utf8").split("\n").length - 1),
  );
}

test(
  "an experiment that is killed while it trains ends as one that was not",
  { timeout: 300_000 },
  async () => {
    const declaration = { base: { ...base, maxSteps: 45 }, runs: { A: { retriever: "bm25", k: 2 } } };
    const [straight, killed] = [join(folder, "straight"), join(folder, "killed")];
    assert.deepEqual(await run(declaration, straight), [{ id: "A", outcome: "done" }]);

    const first = run(declaration, killed);
    while (steps(killed, "A") < 25) await sleep(5);
    const lock = JSON.parse(readFileSync(join(killed, "runs/A/lock.json"), "utf8")) as { pid: number };
    process.kill(lock.pid, "SIGKILL");
    assert.equal((await first)[0]!.outcome, "failed");
    assert.deepEqual(await run(declaration, killed), [{ id: "A", outcome: "done" }]);
    assert.match(readFileSync(join(killed, "runs/A/output.log"), "utf8"), /resumed from .*checkpoint-20/);

    const [[a], [b]] = [readGrid(straight), readGrid(killed)];
    assert.deepEqual(b!.evaluated[0]!.cases, a!.evaluated[0]!.cases);
    assert.deepEqual([a!.counts["steps"], b!.counts["steps"], b!.cost.attempts], [45, 45, 2]);
    assert.ok(a!.counts["tokens"]! > 45);
    assert.equal(a!.evaluated[0]!.summary.settings["retriever"], "bm25");
  },
);

test("settings are those of the experiments", async () => {
  const unknown = run({ runs: { A: { steps: 3 } } }, join(folder, "never"));
  await assert.rejects(
    unknown,
    /^Error: run A: experiment settings: .*[\s\S]*"steps"[\s\S]*The settings are seed, nTrain/,
  );
  const bad = run({ axes: { k: [-1] } }, join(folder, "never"));
  await assert.rejects(bad, /run k_-1: experiment settings/);
});
