import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { ChatSource } from "../../../src/chat-api/source";
import { openChatModel } from "../../../src/chat/open";
import { grpo } from "../../../src/experiments/methods/grpo";
import type { Method } from "../../../src/experiments/methods/method";
import { ppo } from "../../../src/experiments/methods/ppo";
import { rloo } from "../../../src/experiments/methods/rloo";
import { type MethodHooks, runMethod } from "../../../src/experiments/methods/run";
import { writeTinyChat } from "../../chat/tiny-chat";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "online-method-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** The configuration of a run of seconds over the tiny Llama, which is to end its answers after two tokens. */
function tinyConfig(change: Record<string, unknown> = {}): Record<string, unknown> {
  const data = join(folder, "prompts.jsonl");
  const prompts = ["Hello", "Who are you?", "Bye"].map((content) => ({
    prompt: [{ role: "user", content }],
  }));
  writeFileSync(data, prompts.map((row) => JSON.stringify(row)).join("\n"));
  return {
    ...{ model: writeTinyChat(join(folder, "model")), data, output: join(folder, "out") },
    rewards: [
      { reward: "length", tokens: 2 },
      { reward: "word", word: "a", weight: 0.5 },
    ],
    ...{ iterations: 3, promptsPerIteration: 2, completionsPerPrompt: 3, maxNewTokens: 6, batchSize: 4 },
    ...{ rank: 4, alpha: 8, learningRate: 0.01, saveIterations: 1, klTarget: 0.5, klCoefficient: 0.05 },
    ...change,
  };
}
const run = (method: Method, change: Record<string, unknown> = {}, hooks: MethodHooks = {}) =>
  runMethod(method, tinyConfig(change), hooks);
const weights = (output: string) => readFileSync(join(output, "adapter_model.safetensors"));
const numbers = (log: readonly object[]) => log.map((row) => ({ ...row, seconds: 0, tokensPerSecond: 0 }));

for (const method of [rloo, ppo, grpo]) {
  test(`${method.name} goes from prompts and rewards to an adapter that chat opens; cut, it goes on to the same bits`, async () => {
    const said: string[] = [];
    const whole = await run(method, { output: join(folder, "whole") }, { say: (line) => said.push(line) });
    assert.equal(whole.stopped, "finished");
    const { metrics } = whole.log.at(-1)!;
    for (const name of [
      "reward",
      "kl",
      "objective/kl",
      "completions/mean_length",
      "entropy",
      "kl_coefficient",
      ...method.watched,
    ])
      assert.ok(Number.isFinite(metrics![name]), name);
    assert.match(said.join("\n"), /prompts\.jsonl: 3 prompts; an iteration answers 2 of them 3 times each/);
    assert.match(said.join("\n"), /the reward is 1 length \+ 0\.5 word/);
    assert.match(
      said.join("\n"),
      /the reference is the base model without an adapter, as which the policy starts/,
    );
    assert.match(said.join("\n"), /GiB of memory at most/);
    assert.equal(existsSync(join(whole.output, "value_head.safetensors")), method === ppo);

    const stop = new AbortController();
    await run(method, {}, { signal: stop.signal, onStep: ({ epoch }) => epoch === 1 && stop.abort() });
    const resumed = await run(method);
    assert.deepEqual(weights(resumed.output), weights(whole.output));
    assert.deepEqual(numbers(resumed.log), numbers(whole.log));
    const opened = await openChatModel({ model: join(folder, "model"), adapter: whole.output });
    await opened.dispose();
  });
}

test("what does not go together is refused by name before anything is trained", async () => {
  const refused = (change: Record<string, unknown>, said: RegExp, method: Method = rloo) =>
    assert.rejects(run(method, change), said);
  await refused({ rewards: [{ reward: "judge" }] }, /rewards/);
  await refused({ rewards: [] }, /rewards/);
  await refused(
    { rewards: [{ reward: "reward-model", scorer: folder }] },
    /a scorer's folder has scorer\.json, or config\.json/,
  );
  await refused({ rewards: [{ reward: "word" }] }, /word/);
  await refused({ completionsPerPrompt: 1 }, /completionsPerPrompt must be a whole number from 2/);
  await refused({ loraDropout: 0.1 }, /loraDropout: is 0\.1.*leave it out/);
  await refused({ klCoefficient: 0 }, /klTarget/);
  await refused({ stepsPerEpoch: 7 }, /stepsPerEpoch/);
  await refused({ maxLength: 10 }, /none of its 3 prompts leaves room for an answer/);
  await refused({ grpoLoss: "grpo" }, /grpoLoss/);
  await refused({ grpoLoss: "cispo" }, /grpoLoss/, grpo);
  await refused({ frozenWeights: "int8" }, /samples is not the one that learns.*int8/s);
  writeFileSync(join(folder, "bad.jsonl"), '{"prompt": "a"}\n{"prompt": "b", "completion": "c"}\n');
  await refused({ data: join(folder, "bad.jsonl") }, /bad\.jsonl/);
});

test("a policy that starts from an adapter must say what it is held to", async () => {
  await run(rloo, { output: join(folder, "first"), iterations: 1 });
  const adapter = join(folder, "first");
  const {
    rank: _,
    alpha: __,
    ...config
  } = tinyConfig({ adapter, output: join(folder, "second"), iterations: 1 });
  await assert.rejects(runMethod(rloo, config), /reference: the policy starts from the adapter/);
  const alarms: string[] = [];
  const hooks: MethodHooks = { onMessage: (message, event) => event === "alarm" && alarms.push(message) };
  const reference = { kind: "adapter", directory: adapter };
  const { log } = await runMethod(rloo, { ...config, reference }, hooks);
  assert.ok(Math.abs(log[0]!.metrics!["kl_k3"]!) < 1e-6);
  assert.ok(!alarms.some((alarm) => alarm.startsWith("the reference")), alarms.join("\n"));
});

/** Prompts to somebody of whom something is known, or nothing. */
function personaPrompts(...known: boolean[]): string {
  const path = join(folder, "personas.jsonl");
  const personas = { assistant: { facts: ["a b c d e f g h"] } };
  const rows = known.map((isKnown, i) => ({
    prompt: [{ role: "user", content: `Hello ${i}` }],
    ...(isKnown && { meta: { personas } }),
  }));
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

test("what a row says of who answers reaches the rewards; a row that lacks it is named before anything is trained", async () => {
  const said: string[] = [];
  const seen: object[] = [];
  const source: ChatSource = {
    name: "a judge",
    ask({ messages }) {
      seen.push(messages);
      const usage = { promptTokens: 1, completionTokens: 1 };
      return Promise.resolve({ text: '{"reason": "", "score": 1}', finish: "stop", usage, fromCache: false });
    },
  };
  let disposed = 0;
  const { log, output } = await run(
    rloo,
    {
      ...{ data: personaPrompts(true, true, false), promptsPerIteration: 3, iterations: 1 },
      rewards: [
        { reward: "coverage" },
        { reward: "ownership", weight: 0.5 },
        { reward: "judge", rubric: "adherence", local: "judge" },
      ],
    },
    {
      say: (line) => said.push(line),
      openSource: (model) => {
        assert.equal(model, "judge");
        return Promise.resolve({ source, dispose: () => Promise.resolve(void disposed++) });
      },
    },
  );
  assert.match(
    said.join("\n"),
    /1 prompts lack what it looks at, and their completions are left out: line 3/,
  );
  assert.ok(Math.abs(log[0]!.metrics!["unscorable"]! - 1 / 3) < 1e-6);
  assert.ok(log[0]!.metrics!["reward"]! >= 0.5, "the judge gives 1");
  assert.match(JSON.stringify(seen), /a b c d e f g h/);
  assert.equal(disposed, 1);
  assert.match(readFileSync(join(output, "judged-adherence.jsonl"), "utf8"), /"score":1/);

  const refused = (change: Record<string, unknown>, why: RegExp) => assert.rejects(run(rloo, change), why);
  const coverage = { rewards: [{ reward: "coverage" }] };
  await refused(
    { ...coverage, data: personaPrompts(false, false) },
    /personas\.jsonl, line 1: coverage: nothing is known of who answers; write/,
  );
  const other = join(folder, "other.jsonl");
  writeFileSync(other, '{"prompt": "a"}\n{"prompt": "b", "meta": {"personas": "x"}}\n');
  await refused({ ...coverage, data: other }, /other\.jsonl, line 2: meta\.personas: must be an object/);
  await refused(
    { rewards: [{ reward: "judge", rubric: "quality", local: "x" }] },
    /rewards: nothing here opens x to be asked/,
  );
});
