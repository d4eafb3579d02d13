import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readModelDirectory } from "../../src/models/pretrained/read";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";

const root = join(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "pretrain-"));
test.after(() => rmSync(folder, { recursive: true }));

/** The sample as a corpus with a second part, which the script asks for. */
function data(): string {
  for (const part of ["train", "valid", "test"])
    copyFileSync(join(root, `data/sample/${part}.csv`), join(folder, `${part}.csv`));
  copyFileSync(join(root, "data/sample/valid.csv"), join(folder, "new-persona.csv"));
  return folder;
}

function pretrain(name: string, ...more: string[]): ChildProcess {
  const places = ["--data", data(), "--out", join(folder, name), "--model", join(folder, `${name}-model`)];
  const small = ["--steps", "4", "--batch-size", "2"];
  return spawn(process.execPath, ["--import", "tsx", "scripts/pretrain.ts", ...places, ...small, ...more], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
}

test("a short run and the same run killed in the middle give the same model", async () => {
  const [straight] = (await once(pretrain("straight"), "exit")) as [number];
  assert.equal(straight, 0);

  const killed = pretrain("killed");
  const log = join(folder, "killed/training_log.jsonl");
  while (killed.exitCode === null && !(existsSync(log) && statSync(log).size > 0))
    await new Promise((resolve) => setTimeout(resolve, 20));
  killed.kill("SIGINT");
  await once(killed, "exit");
  const lines = () => readFileSync(log, "utf8").trim().split("\n").length;
  assert.ok(lines() < 4, "it was stopped before its end");
  const [resumed] = (await once(pretrain("killed"), "exit")) as [number];
  assert.equal(resumed, 0);
  assert.equal(lines(), 4);

  const file = (name: string, file: string) => readFileSync(join(folder, `${name}-model`, file));
  assert.deepEqual(file("killed", "model.safetensors"), file("straight", "model.safetensors"));

  const model = readModelDirectory(join(folder, "straight-model"));
  const tokenizer = await loadTokenizer(join(folder, "straight-model"));
  assert.equal(model.config.vocabSize, tokenizer.vocabularySize);
  const card = file("straight", "README.md").toString();
  for (const [, value] of card.matchAll(/\b(NaN|undefined|null)\b/g)) assert.fail(`the card says ${value}`);
  assert.match(card, /4 of 2 examples/);
  assert.match(file("straight", "loss.svg").toString(), /<svg/);
});
