import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { openChatModel } from "../../../src/chat/open";
import { type MethodHooks, runMethod } from "../../../src/experiments/methods/run";
import { sft } from "../../../src/experiments/methods/sft";
import { readJson } from "../../../src/io/files";
import { embeddedModel } from "../../../src/experiments/base";
import { sailorRows, tinyConfig, writeRows } from "./tiny-sft";
import { writeTinyChat } from "../../chat/tiny-chat";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "method-"))));
afterEach(() => rmSync(folder, { recursive: true }));

type Changes = Parameters<typeof tinyConfig>[1];
const run = (change: Changes = {}, hooks: MethodHooks = {}) =>
  runMethod(sft, tinyConfig(folder, change), hooks);
/** A run with everything that it says. */
async function told(change: Changes = {}) {
  const said: string[] = [];
  const result = await run(change, { say: (sentence) => said.push(sentence) });
  return { ...result, said };
}
const weights = (output: string) => readFileSync(join(output, "adapter_model.safetensors"));
const numbers = (log: readonly object[]) => log.map((row) => ({ ...row, seconds: 0, tokensPerSecond: 0 }));

test("a run learns its rows, logs what TRL logs, and leaves an adapter that chat opens, told before and after", async () => {
  const { log, output, stopped, said, estimate } = await told({ maxSteps: 12 });
  assert.deepEqual([stopped, log.length], ["finished", 12]);
  assert.ok(log.at(-1)!.loss < 0.8 * log[0]!.loss, `${log[0]!.loss} became ${log.at(-1)!.loss}`);
  const { metrics, numTokens } = log[0]!;
  assert.deepEqual(Object.keys(metrics!), ["entropy", "mean_token_accuracy"]);
  assert.deepEqual([...sft.watched].sort(), Object.keys(metrics!));
  assert.ok(numTokens! > 100 && log.at(-1)!.numTokens! > 11 * 100);
  assert.deepEqual(readdirSync(output).sort(), [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "tensorboard",
    "tokenizer.json",
    "tokenizer_config.json",
    "train.json",
    "training_log.csv",
    "training_log.jsonl",
  ]);
  assert.ok(estimate.trained > 1000 && estimate.peakBytes > 2 ** 26);
  assert.match(said[0]!, /own\.jsonl: 14 examples, 1,\d\d\d tokens; 1\d\d tokens to be learned$/);
  assert.match(said[1]!, /^trains [\d,]+ parameters over a model of [\d,]+, in 12 steps$/);
  assert.match(
    said[2]!,
    /^estimated: 0\.\d\d GiB of memory at most; how long it takes follows from the first two/,
  );
  assert.match(said[3]!, /^estimated: .* for the 10 steps left, by the second one$/);
  assert.match(
    said[4]!,
    /^12 steps in .* \(estimated: .*\); 0\.\d\d GiB of memory at most \(estimated: .*\)\. The adapter is in/,
  );
  const opened = await openChatModel({ model: join(folder, "model"), adapter: output });
  assert.match(opened.why, /with the adapter in .*out; conversations go by its chat template/);
  await opened.dispose();
});

test("a model that stops at another token than the one its answers end with learns no end: an alarm", async () => {
  const alarms = async (change: Changes) => {
    const heard: string[] = [];
    const onMessage: MethodHooks["onMessage"] = (message, event) => {
      if (event === "alarm") heard.push(message);
    };
    await run({ maxSteps: 1, ...change }, { onMessage });
    return heard;
  };
  assert.deepEqual(await alarms({}), []);
  const model = writeTinyChat(join(folder, "other"));
  writeFileSync(join(model, "generation_config.json"), JSON.stringify({ eos_token_id: 9 }));
  const [alarm, ...more] = await alarms({ model, output: join(folder, "other-out") });
  assert.match(alarm!, /the end of answers is not learned.*eos_token_id 9/);
  assert.deepEqual(more, []);
});

test("eight steps straight equal three, Ctrl-C, and five resumed; a finished run is found", async () => {
  const straight = await run({ output: join(folder, "straight") });
  const stop = new AbortController();
  const cut = await run({}, { signal: stop.signal, onStep: ({ step }) => step === 3 && stop.abort() });
  assert.deepEqual([cut.stopped, cut.steps], ["interrupted", 3]);
  assert.ok(!existsSync(join(cut.output, "adapter_model.safetensors")));
  const messages: string[] = [];
  const resumed = await run({}, { onMessage: (message) => messages.push(message) });
  assert.match(messages[0]!, /resumed from .*checkpoint-3/);
  assert.deepEqual(weights(resumed.output), weights(straight.output));
  assert.deepEqual(numbers(resumed.log), numbers(straight.log));

  const again = await told();
  assert.match(again.said.at(-1)!, /holds this run, finished after 8 steps: nothing is trained/);
  assert.deepEqual(numbers(again.log), numbers(straight.log));
});

test(
  "a killed process goes on from its last checkpoint, to the same weights",
  { timeout: 120_000 },
  async () => {
    const straight = await run({ output: join(folder, "straight"), saveSteps: 1 });
    const config = tinyConfig(folder, { saveSteps: 1 });
    const path = join(folder, "config.json");
    writeFileSync(path, JSON.stringify(config));
    for (const last of [2, 5]) {
      const child = fork(join(__dirname, "killed-method.ts"), [path], { execArgv: ["--require", "tsx/cjs"] });
      await new Promise<void>((resolve) => child.on("message", (step) => step === last && resolve()));
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    const messages: string[] = [];
    const resumed = await run({ saveSteps: 1 }, { onMessage: (message) => messages.push(message) });
    assert.match(messages[0]!, /resumed from .*checkpoint-[45]/);
    assert.deepEqual(weights(resumed.output), weights(straight.output));
    assert.deepEqual(numbers(resumed.log), numbers(straight.log));
  },
);

test("a folder that holds another run is left alone, and what differs is said", async () => {
  const { output } = await run({ maxSteps: 1 });
  const before = weights(output);
  await assert.rejects(
    run({ maxSteps: 1, rank: 2 }),
    /^Error: output: .*out holds another run \(rank was 4, now 2\): name another output, or remove that folder$/,
  );
  const config = tinyConfig(folder, { maxSteps: 1 });
  writeRows(config["data"] as string, sailorRows(15));
  await assert.rejects(runMethod(sft, config), /\(the model, or the data, are no longer what they were\)/);
  rmSync(join(output, "train.json"));
  await assert.rejects(
    run({ maxSteps: 1 }),
    /^Error: output: .*out holds an adapter that no run of npm run train left/,
  );
  writeFileSync(join(output, "train.json"), "{}");
  await assert.rejects(run({ maxSteps: 1 }), /train\.json: not written by this version/);
  assert.deepEqual(weights(output), before);
});

test("packed rows take fewer batches and learn the same", async () => {
  const { said, log } = await told({ packing: true, maxLength: 256, maxSteps: 20 });
  assert.match(said[1]!, /^packed into 5 rows of at most 256 tokens$/);
  assert.ok(log.at(-1)!.loss < 0.8 * log[0]!.loss);
  assert.equal(log[1]!.epoch, 1);
});

test("epochs are passes over the data, 3 where nothing is said", async () => {
  const { log } = await run({ maxSteps: undefined as never, epochs: 1 });
  assert.equal(log.length, 5);
  const { log: usual } = await run({
    maxSteps: undefined as never,
    output: join(folder, "usual"),
    batchSize: 7,
  });
  assert.equal(usual.length, 6);
});

test("validation is measured with its metrics, and the best parameters may be taken", async () => {
  const validation = writeRows(join(folder, "validation.jsonl"), sailorRows(4));
  const { log } = await run({ validation, evalSteps: 2, maxSteps: 4, loadBestModelAtEnd: true });
  assert.deepEqual(
    log.map(({ evalLoss }) => evalLoss !== undefined),
    [false, true, false, true],
  );
  assert.deepEqual(Object.keys(log[1]!.evalMetrics!), ["entropy", "mean_token_accuracy"]);
  await assert.rejects(
    run({ loadBestModelAtEnd: true, output: join(folder, "other") }),
    /^Error: loadBestModelAtEnd: .* name a file for validation$/,
  );
  const text = writeRows(join(folder, "text.jsonl"), [{ prompt: "a", completion: "b" }]);
  await assert.rejects(
    run({ validation: text, output: join(folder, "other") }),
    /^Error: validation: .*text\.jsonl has rows of another form than .*own\.jsonl: write both in one form$/,
  );
});

test("an adapter is gone on from, with its rank", async () => {
  const first = await run({ maxSteps: 12, output: join(folder, "first") });
  const { rank: _, alpha: __, ...config } = tinyConfig(folder, { maxSteps: 2, adapter: first.output });
  const second = await runMethod(sft, config);
  assert.ok(second.log[0]!.loss < 0.8 * first.log[0]!.loss);
  assert.equal((readJson(join(second.output, "adapter_config.json")) as { r: number }).r, 4);
  await assert.rejects(
    runMethod(sft, { ...config, adapter: join(folder, "none") }),
    /^Error: adapter: .*none: there is no such folder/,
  );
});

test("a model without a chat template gets one, which chat finds beside the adapter", async () => {
  const model = writeTinyChat(join(folder, "bare"), { template: "" });
  const { said, output } = await told({ model, maxSteps: 2 });
  assert.match(
    said[0]!,
    /bare has no chat template: conversations are written with "User:" and "Assistant:"/,
  );
  const opened = await openChatModel({ model, adapter: output });
  assert.match(opened.why, /conversations go by its chat template/);
  const { input } = opened.form.prompt({ facts: ["I sail."] }, [{ role: "user", content: "Hi" }]);
  assert.match(
    opened.tokenizer.decode(input),
    /What is true of you:\n- I sail\.\n\nUser:\nHi\nAssistant:\n$/,
  );
  await opened.dispose();
  await assert.rejects(openChatModel({ model }), /has no chat template/);

  const text = writeRows(join(folder, "text.jsonl"), [{ prompt: "Q: Sail?\nA:", completion: " Aye." }]);
  const plain = await told({ model, data: text, maxSteps: 1, output: join(folder, "plain") });
  assert.match(plain.said[0]!, /text\.jsonl: 1 example/);
  await assert.rejects(openChatModel({ model, adapter: plain.output }), /has no chat template/);
});

test("a row has no more tokens than the model has positions", async () => {
  const model = writeTinyChat(join(folder, "short"), { maxPositions: 100 });
  const rows = [
    ...sailorRows(2),
    ...sailorRows(1).map(({ messages: [first, ...turns] }) => ({ messages: [first, ...turns, ...turns] })),
  ];
  const data = writeRows(join(folder, "rows.jsonl"), rows);
  const { said } = await told({ model, data, maxSteps: 1 });
  assert.match(
    said[0]!,
    /^this Llama has 100 positions: rows have at most so many tokens, not 1024 \(maxLength\)$/,
  );
  assert.match(
    said[2]!,
    /^1 row had more than 100 tokens \(maxLength\) and lost the oldest turns, 2 in all: line 3$/,
  );
});

test("a T5 learns completions of prompts; packing is refused by name", async () => {
  const data = writeRows(join(folder, "text.jsonl"), [
    { prompt: "I sail.", completion: "Ahoy!" },
    { prompt: "I bake.", completion: "Have some bread." },
  ]);
  const change = { model: embeddedModel, data, maxSteps: 2, batchSize: 2 };
  const { log, output } = await run(change);
  assert.equal(log.length, 2);
  assert.ok(existsSync(join(output, "adapter_model.safetensors")));
  await assert.rejects(
    run({ ...change, packing: true, output: join(folder, "other") }),
    /^Error: packing: rows of a T5 cannot/,
  );
});

test("a model that is none is said before anything is written", async () => {
  for (const model of [join(folder, "nothing"), "no such model", "model.gguf"])
    await assert.rejects(
      run({ model }),
      /^Error: model: .*there is no such folder; name a folder in Hugging Face layout/,
    );
  assert.ok(!existsSync(join(folder, "out")));
});
