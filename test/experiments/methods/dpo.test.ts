import assert from "node:assert/strict";
import { fork } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { dpo } from "../../../src/experiments/methods/dpo";
import { type MethodHooks, runMethod } from "../../../src/experiments/methods/run";
import { openCheckpoint } from "../../../src/models/pretrained/open-checkpoint";
import { readAdapter } from "../../../src/models/lora/adapter";
import { tinyDpoConfig, writeTinyPreferences } from "./tiny-preferences";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dpo-"));
  writeTinyPreferences(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(change: Record<string, unknown> = {}, hooks: MethodHooks = {}) {
  const said: string[] = [];
  const result = await runMethod(dpo, tinyDpoConfig(folder, change), {
    say: (sentence) => void said.push(sentence),
    onMessage: (message, event) => void (event === "alarm" && said.push(`alarm: ${message}`)),
    ...hooks,
  });
  return { ...result, said };
}
const adapterBytes = (output: string) => readFileSync(join(output, "adapter_model.safetensors"));
const referenceFiles = (output: string) =>
  readdirSync(output).filter((name) => name.startsWith("reference-"));

test("from a file of preferences to an adapter: margins rise, what was done is said, the reference is kept", async () => {
  const { log, output, said, stopped } = await run({ maxSteps: 20 });
  assert.equal(stopped, "finished");
  for (const name of dpo.watched) assert.ok(Number.isFinite(log[0]!.metrics![name]), name);
  const margins = log.map(({ metrics }) => metrics!["rewards/margins"]!);
  assert.ok(Math.abs(margins[0]!) < 1e-3, `${margins[0]}`);
  assert.ok(
    margins.slice(-5).every((margin) => margin > 0.02),
    margins.join(),
  );
  const evaluated = log.filter(({ evalLoss }) => evalLoss !== undefined);
  assert.equal(evaluated.length, 5);
  assert.ok(evaluated.at(-1)!.evalMetrics!["rewards/accuracies"]! > 0.5);
  assert.equal(referenceFiles(output).length, 2);
  assert.ok(
    said.some((sentence) => /pairs\.jsonl: 14 pairs, \d+ tokens/.test(sentence)),
    said.join("\n"),
  );
  assert.ok(said.includes("the reference is the base model without an adapter, as which the policy starts"));
  assert.ok(!said.some((sentence) => sentence.startsWith("alarm")), said.join("\n"));
  const model = openCheckpoint(join(folder, "model"));
  assert.equal(readAdapter(output, model).config.rank, 4);
  model.close();
});

test("a policy that starts from an adapter must say what it is held to, and is held to that", async () => {
  const { output: adapter } = await run({ output: join(folder, "sft") });
  const next = { adapter, output: join(folder, "next"), maxSteps: 1, rank: undefined, alpha: undefined };
  const { rank: _, alpha: __, ...goingOn } = { ...tinyDpoConfig(folder), ...next };
  const runOn = async (change: object) => {
    const said: string[] = [];
    const { log } = await runMethod(dpo, { ...goingOn, ...change }, { say: (one) => void said.push(one) });
    return { said, margin: log[0]!.metrics!["rewards/margins"]! };
  };
  await assert.rejects(
    runOn({}),
    /reference: the policy starts from the adapter in .*sft, so say what it is held to/,
  );
  const copied = await runOn({ reference: { kind: "adapter", directory: adapter } });
  assert.ok(Math.abs(copied.margin) < 1e-3, `${copied.margin}`);
  assert.ok(copied.said.some((one) => /with the adapter in .*sft, as which the policy starts/.test(one)));
  const base = await runOn({ reference: { kind: "base" }, output: join(folder, "base") });
  assert.ok(Math.abs(base.margin) > 0.01, `${base.margin}`);
  assert.ok(
    base.said.some((one) => /without an adapter, while the policy starts from the adapter in/.test(one)),
  );
  const model = await runOn({
    reference: { kind: "model", directory: join(folder, "model") },
    output: join(folder, "model-run"),
  });
  assert.ok(Math.abs(model.margin - base.margin) < 1e-4);
});

test("interrupted while the reference is scored or while it trains, a run goes on to the same bits", async () => {
  const straight = await run({ output: join(folder, "straight") });
  const output = join(folder, "cut");
  const stop = new AbortController();
  stop.abort();
  const first = await run({ output }, { signal: stop.signal });
  assert.deepEqual([first.stopped, first.steps], ["interrupted", 0]);
  assert.equal(referenceFiles(output).length, 1);
  const later = new AbortController();
  const second = await run(
    { output },
    { signal: later.signal, onStep: ({ step }) => void (step === 3 && later.abort()) },
  );
  assert.deepEqual([second.stopped, second.steps], ["interrupted", 3]);
  const last = await run({ output });
  assert.deepEqual(adapterBytes(output), adapterBytes(straight.output));
  const numbers = ({ log }: typeof last) =>
    log.map(({ loss, gradNorm, metrics, evalLoss }) => ({ loss, gradNorm, metrics, evalLoss }));
  assert.deepEqual(numbers(last), numbers(straight));
});

test(
  "killed at any moment, also while the reference is scored, a run goes on to the same bits",
  { timeout: 180_000 },
  async () => {
    const straight = await run({ output: join(folder, "straight") });
    const output = join(folder, "killed");
    for (const [word, delay] of [
      ["scoring", 5],
      ["scoring", 250],
      [2, 3],
      [5, 20],
    ] as const) {
      const child = fork(join(__dirname, "killed-dpo.ts"), [folder, output], {
        execArgv: ["--require", "tsx/cjs"],
      });
      await new Promise<void>((resolve) => {
        child.on("message", (message) => message === word && resolve());
        child.once("exit", () => resolve());
      });
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
      await new Promise<void>((resolve) =>
        (child.exitCode ?? child.signalCode) ? resolve() : child.once("exit", () => resolve()),
      );
    }
    const { log } = await run({ output });
    assert.deepEqual(adapterBytes(output), adapterBytes(straight.output));
    assert.deepEqual(
      log.map(({ loss }) => loss),
      straight.log.map(({ loss }) => loss),
    );
  },
);

test("reference log-probabilities that are damaged are said and computed again", async () => {
  const straight = await run({ output: join(folder, "straight") });
  const output = join(folder, "damaged");
  mkdirSync(output);
  for (const name of referenceFiles(straight.output)) {
    const bytes = readFileSync(join(straight.output, name));
    bytes[bytes.length - 2]! ^= 1;
    writeFileSync(join(output, name), bytes);
  }
  const said: string[] = [];
  await run({ output }, { onMessage: (message) => void said.push(message) });
  assert.ok(said.some((message) => /reference-\w+\.safetensors is not used: it is damaged/.test(message)));
  assert.deepEqual(adapterBytes(output), adapterBytes(straight.output));
});

test("what means nothing is refused before anything is computed, each by its name", async () => {
  const refused = async (change: Record<string, unknown>, message: RegExp) => {
    await assert.rejects(run(change), message);
    assert.ok(!existsSync(join(folder, "out", "training_log.jsonl")));
  };
  await refused(
    { loraDropout: 0.1 },
    /loraDropout: is 0\.1, but log-probabilities are compared without dropout/,
  );
  await refused(
    { preferenceSmoothing: 0.1 },
    /must be 0 with the loss sigmoid.*, not 0\.1, at preferenceSmoothing/,
  );
  await refused(
    { preferenceLoss: "robust" },
    /must be above 0 and below 0\.5 with the loss robust.*, at preferenceSmoothing/,
  );
  await refused({ beta: 0 }, /beta/);
  await refused({ reference: { kind: "sft" } }, /reference/);
  await refused({ reference: { kind: "adapter" } }, /reference.*directory/);
  await refused({ reference: { kind: "adapter", directory: join(folder, "no") } }, /no/);
  await refused({ bета: 1 }, /bета/);
  writeFileSync(join(folder, "pairs.jsonl"), JSON.stringify({ prompt: "a", completion: "b" }));
  await refused(
    {},
    /pairs\.jsonl, line 1: is a row of prompt and completion; what is needed here is one of prompt, chosen and rejected/,
  );
});
