import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runMethod } from "../../../src/experiments/methods/run";
import { sft } from "../../../src/experiments/methods/sft";
import { embeddedModel } from "../../../src/experiments/base";
import { sailorRows, tinyConfig, writeRows } from "./tiny-sft";

const folder = mkdtempSync(join(tmpdir(), "mixture-"));
after(() => rmSync(folder, { recursive: true }));
let runs = 0;
const rows = (tasks: readonly (string | undefined)[]) =>
  sailorRows(tasks.length).map((row, i) => ({ ...row, ...(tasks[i] && { meta: { task: tasks[i] } }) }));
const run = (tasks: readonly (string | undefined)[], change: Parameters<typeof tinyConfig>[1]) => {
  const own = join(folder, String(runs++));
  const config = tinyConfig(own, change);
  writeRows(config["data"] as string, rows(tasks));
  return runMethod(sft, config);
};
const twelve = Array.from({ length: 12 }, (_, i) => (i < 9 ? "many" : "few"));

test("the loss of each task is logged, and their shares make the loss of all", async () => {
  const { log } = await run(twelve, {
    mixture: { many: 1, few: 3 },
    batchSize: 4,
    maxSteps: 6,
    loraDropout: 0,
  });
  for (const { loss, metrics } of log) {
    const of = (name: string) => metrics![name] ?? 0;
    assert.ok(Math.abs(of("share/many") + of("share/few") - 1) < 1e-5);
    const all = of("share/many") * of("loss/many") + of("share/few") * of("loss/few");
    assert.ok(Math.abs(all - loss) < 1e-4, `${all} and ${loss}`);
  }
  assert.ok(log.some(({ metrics }) => metrics!["loss/few"]! > 0));
});

test("the loss of a task is that of its rows alone", async () => {
  const mixed = await run(["a", "b", "a", "b"], {
    mixture: { a: 1, b: 1 },
    batchSize: 4,
    maxSteps: 1,
    loraDropout: 0,
  });
  const own = join(folder, String(runs++));
  const config = tinyConfig(own, { batchSize: 2, maxSteps: 1, loraDropout: 0 });
  writeRows(
    config["data"] as string,
    rows(["a", "b", "a", "b"]).filter((_, i) => i % 2 === 1),
  );
  const alone = await runMethod(sft, config);
  assert.ok(Math.abs(mixed.log[0]!.metrics!["loss/b"]! - alone.log[0]!.loss) < 1e-4);
});

test("an encoder–decoder learns a mixture of text, too", async () => {
  const own = join(folder, String(runs++));
  const data = Array.from({ length: 6 }, (_, i) => ({
    prompt: `select: ${i}`,
    completion: `line ${i}`,
    meta: { task: i < 4 ? "a" : "b" },
  }));
  const config = tinyConfig(own, {
    model: embeddedModel,
    mixture: { a: 1, b: 1 },
    maxSteps: 1,
    maxLength: 32,
  });
  writeRows(config["data"] as string, data);
  const { log } = await runMethod(sft, config);
  const { "loss/a": a, "loss/b": b } = log[0]!.metrics!;
  assert.ok((a ?? b)! > 0);
});

test("rows that name no task, another one, or a task without rows are refused by name", async () => {
  await assert.rejects(
    run([undefined, "a"], { mixture: { a: 1, b: 1 } }),
    /own\.jsonl, line 1: meta\.task: is missing; it must be one of the mixture's tasks: a, b$/,
  );
  await assert.rejects(
    run(["a", "c"], { mixture: { a: 1, b: 1 } }),
    /line 2: meta\.task: is "c"; it must be one of/,
  );
  await assert.rejects(
    run(["a", "a"], { mixture: { a: 1, b: 1 } }),
    /mixture: .*own\.jsonl has no row of b: leave the task out/,
  );
  await assert.rejects(run(["a", "b"], { mixture: { a: 1 } }), /a mixture has two tasks or more, at mixture/);
  await assert.rejects(run(["a", "b"], { mixture: { a: 1, b: 0 } }), /mixture/);
  await assert.rejects(
    run(["a", "b"], { mixture: { a: 1, b: 1 }, packing: true }),
    /packing: rows of a mixture are drawn one by one/,
  );
});
