import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { modelCard, statedLicence, writeModelCard } from "../../src/export/card";
import { exportTransformersJs } from "../../src/export/transformers-js";
import { readJson } from "../../src/io/files";
import { randomT5, TINY } from "../models/tiny";
import { randomLlama, TINY_LLAMA, writeTinyChatTokenizer } from "../models/tiny-llama";

const root = mkdtempSync(join(tmpdir(), "card-"));
test.after(() => rmSync(root, { recursive: true }));

const llama = randomLlama(TINY_LLAMA, 1);

test("a card says what is known of a model and calls the rest unknown", () => {
  const nothing = modelCard("transformers", llama, {});
  for (const line of [
    "| base | unknown |",
    "| data | unknown |",
    "| licence | unknown |",
    "Unknown.",
    "None are known.",
  ])
    assert.ok(nothing.includes(line), line);
  assert.doesNotMatch(nothing, /^license|^base_model/m);

  const known = modelCard("peft", llama, {
    name: "A nurse",
    base: "somebody/a-model",
    data: "12 dialogues",
    licence: "apache-2.0",
    settings: { rank: 32, targets: ["q_proj"] },
    figures: [{ name: "loss", value: 1.5, file: "trainer_state.json" }],
  });
  for (const line of [
    "license: apache-2.0",
    'base_model: "somebody/a-model"',
    "# A nurse",
    "| data | 12 dialogues |",
    "| rank | 32 |",
    "| loss | 1.5 | trainer&#95;state.json |",
    'AutoModelForCausalLM.from_pretrained("somebody/a-model")',
  ])
    assert.ok(known.includes(line), `${line}\n${known}`);
});

test("what a card is given stays text: no line, cell, tag, field or code of its own", () => {
  const evil = 'x\n---\n# <img src=x onerror=y> | `"; rm -rf / #`';
  const card = modelCard("gguf", llama, {
    name: evil,
    base: evil,
    data: evil,
    licence: evil,
    settings: { [evil]: evil },
  });
  assert.doesNotMatch(card, /<img/);
  const [, fields, body] = /^---\n(.*?)\n---\n(.*)$/s.exec(card)!;
  assert.equal(fields, "library_name: gguf\npipeline_tag: text-generation");
  assert.equal(body!.match(/^# /gm)!.length, 1);
  for (const row of body!.split("\n").filter((line) => line.startsWith("| ")))
    assert.ok(row.match(/\|/g)!.length === 3, row);
});

test("a README that somebody wrote is kept, a card is written again", () => {
  const directory = join(root, "kept");
  mkdirSync(directory);
  writeModelCard(directory, modelCard("transformers", llama, {}));
  writeModelCard(directory, modelCard("transformers", llama, { data: "new" }));
  const path = join(directory, "README.md");
  assert.match(readFileSync(path, "utf8"), /\| data \| new \|/);
  writeFileSync(path, "---\nlicense: mit\n---\n# Mine\n");
  writeModelCard(directory, modelCard("transformers", llama, {}));
  assert.match(readFileSync(path, "utf8"), /# Mine/);
  assert.equal(statedLicence(directory), "mit");
  writeFileSync(path, "---\ntitle: x\n---\nlicense: mit\n");
  assert.equal(statedLicence(directory), undefined);
  assert.equal(statedLicence(root), undefined);
});

interface Transformers {
  AutoTokenizer: object;
  AutoModelForCausalLM: object;
  AutoModelForSeq2SeqLM: object;
}

/** Runs the JavaScript of the card in a folder that was exported, and returns what it prints. */
async function runSnippet(directory: string): Promise<unknown[]> {
  const [, code] = /```js\n(.*?)```/s.exec(readFileSync(join(directory, "README.md"), "utf8"))!;
  const name: string = "@huggingface/transformers";
  const module = (await import(name)) as Transformers;
  const body = code!
    .replace(/^import (\{.*?\}) from "@huggingface\/transformers";/m, "const $1 = transformers;")
    .replaceAll('"path/to/this/folder"', JSON.stringify(directory));
  const printed: unknown[] = [];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the card's code is what is tried
  const run = new Function("transformers", "console", `return (async () => { ${body} })()`) as (
    transformers: Transformers,
    console: { log(text: unknown): void },
  ) => Promise<void>;
  await run(module, { log: (text) => printed.push(text) });
  return printed;
}

test("the card of an export opens it, as it says, and its chat template is where Transformers.js reads it", async () => {
  const tokenizer = join(root, "tokenizer");
  mkdirSync(tokenizer);
  writeTinyChatTokenizer(tokenizer);
  for (const [name, model] of [
    ["llama", llama],
    ["t5", randomT5({ ...TINY, vocabSize: 64 }, 2)],
  ] as const) {
    const directory = join(root, name);
    exportTransformersJs(directory, model, {
      tokenizerFrom: tokenizer,
      variants: ["q4", "fp32"],
      facts: { data: "none" },
    });
    const printed = await runSnippet(directory);
    assert.equal(typeof printed[0], "string");
    const config = readJson(join(directory, "tokenizer_config.json")) as Record<string, unknown>;
    assert.equal(config["chat_template"], readFileSync(join(tokenizer, "chat_template.jinja"), "utf8"));
    assert.match(readFileSync(join(directory, "README.md"), "utf8"), /dtype: "q4"/);
    assert.ok(existsSync(join(directory, "onnx")));
  }
});
