import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { beginning, startedIn } from "../../scripts/pretraining/beginning";
import { llamaKind } from "../../scripts/pretraining/llama";
import { sha256File } from "../../src/io/files";
import { llamaArchitecture } from "../../src/models/llama/architecture";
import { type LlamaConfig, parseLlamaConfig } from "../../src/models/llama/config";
import { initLlama } from "../../src/models/llama/init";
import { readModelDirectory } from "../../src/models/pretrained/read";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { t5Architecture } from "../../src/models/t5/architecture";
import { parseT5Config } from "../../src/models/t5/config";
import { initT5 } from "../../src/models/t5/init";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { pretrainingTokens } from "../../src/pretraining/tokens";
import { Random } from "../../src/random/random";

const root = join(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "pretrain-"));
test.after(() => rmSync(folder, { recursive: true }));

/** A few dialogues as the corpus' files, and weights so small that a step takes no time. */
before(() => {
  const facts = ["I sail on Sundays.", "I have two dogs.", "I bake bread.", "My sister lives abroad."];
  const rows = Array.from({ length: 24 }, (_, n) => {
    const [mine, theirs] = [facts[n % 4]!, facts[(n + 1) % 4]!];
    const turns = Array.from({ length: 8 }, (_, i) =>
      i % 2 === 0 ? `User 1: ${mine} What about you, friend number ${n}?` : `User 2: That is nice. ${theirs}`,
    );
    if (n % 6 === 5) turns.push("User 1: I'm [user 1's name].");
    return [mine, theirs, turns.join("\n")].map((text) => `"${text}"`).join(",");
  });
  const header = "user 1 personas,user 2 personas,Best Generated Conversation";
  for (const part of ["train", "valid", "test", "new-persona"])
    writeFileSync(join(folder, `${part}.csv`), [header, ...rows, ""].join("\n"));
  const sizes = { vocab_size: 8000, pad_token_id: 0, tie_word_embeddings: false };
  const t5 = parseT5Config({
    ...sizes,
    ...{ d_model: 8, d_kv: 4, d_ff: 16, num_layers: 1, num_heads: 2, feed_forward_proj: "gated-gelu" },
  });
  const small = { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 };
  const llama = parseLlamaConfig("llama", { ...sizes, ...small, eos_token_id: 1 });
  writeModelDirectory(join(folder, "t5"), {
    ...{ architecture: t5Architecture, config: t5, parameters: initT5(t5, new Random(1)) },
  });
  writeModelDirectory(join(folder, "llama"), {
    ...{ architecture: llamaArchitecture, config: llama, parameters: initLlama(llama, new Random(1)) },
  });
});

const command = ["--require", "tsx/cjs", "scripts/pretrain.ts"];

function pretrain(kind: string, name: string, ...more: string[]): ChildProcess {
  const places = ["--data", folder, "--out", join(folder, name), "--model", join(folder, `${name}-model`)];
  const small = ["--steps", "4", "--batch-size", "2", "--row-length", "128", "--threads", "1"];
  return spawn(process.execPath, [...command, kind, ...places, ...small, ...more], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
}

const stopped = async (child: ChildProcess) => ((await once(child, "exit")) as [number])[0];
const file = (name: string, file: string) => readFileSync(join(folder, `${name}-model`, file));

function checkCard(name: string, ...said: RegExp[]): void {
  const card = file(name, "README.md").toString();
  for (const [, value] of card.matchAll(/\b(NaN|undefined|null)\b/g)) assert.fail(`the card says ${value}`);
  for (const pattern of said) assert.match(card, pattern);
  assert.match(file(name, "loss.svg").toString(), /<svg/);
}

test("a Llama that is killed in the middle, and one that is not, become the same model, with its chat template", async () => {
  const from = ["--from", join(folder, "llama")];
  assert.equal(await stopped(pretrain("llama", "straight", ...from)), 0);

  const killed = pretrain("llama", "killed", ...from);
  const log = join(folder, "killed/training_log.jsonl");
  while (killed.exitCode === null && !(existsSync(log) && statSync(log).size > 0))
    await new Promise((resolve) => setTimeout(resolve, 5));
  killed.kill("SIGTERM");
  await once(killed, "exit");
  const lines = () => readFileSync(log, "utf8").trim().split("\n").length;
  assert.ok(lines() < 4, "it was stopped before its end");
  assert.equal(await stopped(pretrain("llama", "killed", ...from)), 0);
  assert.equal(lines(), 4);
  assert.deepEqual(file("killed", "model.safetensors"), file("straight", "model.safetensors"));

  const { config } = readModelDirectory(join(folder, "straight-model"));
  const tokenizer = await loadTokenizer(join(folder, "straight-model"));
  assert.equal(config.vocabSize, tokenizer.vocabularySize);
  assert.match(tokenizer.chatText([{ role: "user", content: "Hello" }]), /User 1: Hello<extra_id_2>/);
  checkCard(
    "straight",
    /4 of 2 rows/,
    /the weights of `llama`, a Llama \(SHA-256 `[0-9a-f]{64}`\)/,
    /\b8 with a blank to be filled in/,
    /\| dialogue \| persona chat \|/,
  );
});

test("a T5 goes on from given weights", async () => {
  const from = ["--from", join(folder, "t5")];
  assert.equal(await stopped(pretrain("t5", "t5-on", ...from, "--steps", "2")), 0);
  const [given, made] = [join(folder, "t5"), join(folder, "t5-on-model")].map(readModelDirectory);
  assert.deepEqual(made!.config, given!.config);
  checkCard("t5-on", /2 of 4 rows/, /a T5 \(SHA-256/, /owned sentences/, /A step has a batch of long inputs/);
});

test("another kind of weights is refused before anything is read, and so is a command without data", () => {
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [...command, ...args], {
      cwd: root,
      encoding: "utf8",
    });
    return { status, stderr };
  };
  const wrong = run("t5", "--data", folder, "--from", join(folder, "llama"), "--out", join(folder, "wrong"));
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /a T5 goes on from a T5, not from a Llama/);
  const missing = run("llama");
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /required option '--data <folder>'/);
});

test("a Llama begins with random weights, a Llama's or the decoder of a T5, and says which", async () => {
  const tokens = pretrainingTokens(await loadTokenizer(embeddedTokenizer));
  const begin = (name?: string) => beginning(llamaKind, name && join(folder, name), tokens, 13);
  const random = await begin();
  assert.equal(random.from, undefined);
  const { config } = random.model;
  assert.deepEqual((config as LlamaConfig).eosTokenIds, [tokens.endOfTurn, tokens.eos]);
  assert.ok(config.maxPositions! >= 1024);

  const ofT5 = await begin("t5");
  assert.deepEqual([ofT5.from!.name, ofT5.from!.kind], ["t5", "T5"]);
  assert.deepEqual((ofT5.model.config as LlamaConfig).eosTokenIds, [tokens.endOfTurn, tokens.eos]);
  const given = readModelDirectory(join(folder, "t5")).parameters.get("shared.weight")!;
  assert.deepEqual(ofT5.model.parameters.get("model.embed_tokens.weight")!.data, given.data);
  const ofLlama = await begin("llama");
  assert.deepEqual((ofLlama.model.config as LlamaConfig).eosTokenIds, [tokens.endOfTurn, tokens.eos]);
  assert.equal(ofLlama.from!.sha256, await sha256File(join(folder, "llama/model.safetensors")));
});

test("a checkpoint tells of its run, and of what that began with", async () => {
  const tokens = pretrainingTokens(await loadTokenizer(embeddedTokenizer));
  const run = join(folder, "earlier");
  cpSync(join(folder, "llama"), join(run, "checkpoint-2"), { recursive: true });
  const row = (step: number) => JSON.stringify({ step, tokensPerSecond: 50, seconds: 2 });
  writeFileSync(join(run, "training_log.jsonl"), [1, 2, 3].map((step) => `${row(step)}\n`).join(""));
  const { from: t5 } = await beginning(llamaKind, join(folder, "t5"), tokens, 13);
  const started = startedIn(run, t5);
  assert.match(started.date, /^\d{4}-\d\d-\d\d$/);
  assert.deepEqual(startedIn(run, undefined), started, "it is kept");
  const { from } = await beginning(llamaKind, join(run, "checkpoint-2"), tokens, 13);
  assert.deepEqual(from!.run, { steps: 2, tokens: 200, started: { ...started, from: t5 } });
});

test("weights for other tokens are refused", async () => {
  const tokens = pretrainingTokens(await loadTokenizer(embeddedTokenizer));
  const other = join(folder, "other");
  cpSync(join(folder, "llama"), other, { recursive: true });
  const own = JSON.parse(readFileSync(join(embeddedTokenizer, "tokenizer.json"), "utf8")) as object;
  writeFileSync(join(other, "tokenizer.json"), JSON.stringify(own));
  await beginning(llamaKind, other, tokens, 13);
  writeFileSync(join(other, "tokenizer.json"), JSON.stringify({ ...own, version: "2.0" }));
  await assert.rejects(beginning(llamaKind, other, tokens, 13), /other: its tokenizer is another/);
  const few = { ...tokens, sentinels: [9000] };
  await assert.rejects(
    beginning(llamaKind, join(folder, "llama"), few, 13),
    /has 8000 tokens, where .* has 9001/,
  );
});
