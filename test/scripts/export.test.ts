import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { randomLlama, TINY_LLAMA, writeTinyChatTokenizer } from "../models/tiny-llama";

const root = mkdtempSync(join(tmpdir(), "export-command-"));
test.after(() => rmSync(root, { recursive: true }));

const project = join(__dirname, "../..");
const run = (...words: string[]) =>
  spawnSync(process.execPath, ["--import", "tsx", "scripts/export.ts", ...words], {
    cwd: project,
    encoding: "utf8",
  });

test("the command exports a causal model for Transformers.js and for transformers, each with a card", () => {
  const model = join(root, "model");
  writeModelDirectory(model, randomLlama(TINY_LLAMA, 2));
  writeTinyChatTokenizer(model);

  const web = join(root, "web");
  const first = run(model, "--out", web, "--variants", "q8,q4");
  assert.equal(first.status, 0, first.stderr);
  assert.deepEqual(readdirSync(join(web, "onnx")).sort(), ["model_q4.onnx", "model_quantized.onnx"]);
  assert.match(readFileSync(join(web, "README.md"), "utf8"), /AutoModelForCausalLM/);
  assert.match(first.stdout, /model_q4\.onnx: 0\.\d MB/);

  const half = join(root, "half");
  const second = run(model, "--as", "transformers", "--dtype", "bfloat16", "--out", half);
  assert.equal(second.status, 0, second.stderr);
  assert.ok(readdirSync(half).includes("chat_template.jinja"));
  assert.match(readFileSync(join(half, "README.md"), "utf8"), /library_name: transformers/);

  const wrong = run(model, "--out", web, "--variants", "q5");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /"q5" is none of fp32, q8, q4/);
  const misplaced = run(model, "--out", web, "--dtype", "float16");
  assert.equal(misplaced.status, 1);
  assert.match(misplaced.stderr, /--dtype is not for transformers-js: say --variants/);
});
