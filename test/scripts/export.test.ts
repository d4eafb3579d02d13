import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generate } from "../../src/generation/generate";
import type { Model } from "../../src/models/architecture";
import { mergeAdapter } from "../../src/models/lora/weights";
import { readAdapter } from "../../src/models/lora/adapter";
import { openPretrained } from "../../src/models/pretrained/pretrained";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { int32Tensor } from "../../src/tensors/tensor";
import { tinyAdapter, writeTinyChat } from "../chat/tiny-chat";
import { FakeHub } from "../hub/fake-hub";
import { randomLlama, TINY_LLAMA, writeTinyChatTokenizer } from "../models/tiny-llama";

const root = mkdtempSync(join(tmpdir(), "export-command-"));
test.after(() => rmSync(root, { recursive: true }));

const project = join(__dirname, "../..");
/** Runs the command; this process goes on, as it may be the hub that the command asks. */
async function run(...words: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ["--require", "tsx/cjs", "scripts/export.ts", ...words], {
    cwd: project,
    env: { ...process.env, ...environment },
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (said.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (said.stderr += data.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...said };
}
/** What the command sees beside what this process does. */
const environment: NodeJS.ProcessEnv = {};

test("the command exports a causal model for Transformers.js and for transformers, each with a card", async () => {
  const model = join(root, "model");
  writeModelDirectory(model, randomLlama(TINY_LLAMA, 2));
  writeTinyChatTokenizer(model);

  const web = join(root, "web");
  const first = await run(model, "--out", web, "--variants", "q8,q4");
  assert.equal(first.status, 0, first.stderr);
  assert.deepEqual(readdirSync(join(web, "onnx")).sort(), ["model_q4.onnx", "model_quantized.onnx"]);
  assert.match(readFileSync(join(web, "README.md"), "utf8"), /AutoModelForCausalLM/);
  assert.match(first.stdout, /model_q4\.onnx: 0\.\d MB/);

  const half = join(root, "half");
  const second = await run(model, "--as", "transformers", "--dtype", "bfloat16", "--out", half);
  assert.equal(second.status, 0, second.stderr);
  assert.ok(readdirSync(half).includes("chat_template.jinja"));
  assert.match(readFileSync(join(half, "README.md"), "utf8"), /library_name: transformers/);

  const wrong = await run(model, "--out", web, "--variants", "q5");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /"q5" is none of fp32, q8, q4/);
  const misplaced = await run(model, "--out", web, "--dtype", "float16");
  assert.equal(misplaced.status, 1);
  assert.match(misplaced.stderr, /--dtype is not for transformers-js: say --variants/);
});

const tiny = writeTinyChat(join(root, "tiny"));
/** Prompts of the same length: their padding is not tried here. */
const prompts = {
  inputIds: int32Tensor([2, 6], Int32Array.of(1, 40, 7, 71, 80, 2, 1, 9, 33, 52, 12, 90)),
  attentionMask: int32Tensor([2, 6], new Int32Array(12).fill(1)),
  lengths: [6, 6],
};
const LENGTH = 24;
const text = "Hello, who are you? <|im_end|>";

async function answers(model: Pick<Model, "architecture" | "config" | "parameters">): Promise<number[][]> {
  const generator = await model.architecture.createGenerator(model);
  const found = await generate(generator, prompts, { maxNewTokens: LENGTH, stopTokenIds: [] });
  await generator.dispose();
  return found.map(({ tokens }) => [...tokens]);
}

/** What a model of a folder or file answers, and how it cuts a text. */
async function readBack(kind: "directory" | "file", directory: string, adapter?: string) {
  const { checkpoint, tokenizer } = await openPretrained({ kind, directory, why: "a test" });
  try {
    const parameters = adapter
      ? mergeAdapter(checkpoint.parameters, readAdapter(adapter, checkpoint))
      : checkpoint.parameters;
    return {
      tokens: await answers({ ...checkpoint, parameters }),
      ids: tokenizer.encode(text, { addEos: false }),
      template: tokenizer.hasChatTemplate,
    };
  } finally {
    checkpoint.close();
  }
}

/** The same of Transformers.js. */
async function inTransformersJs(directory: string) {
  const name: string = "@huggingface/transformers";
  const options = { local_files_only: true, dtype: "fp32" };
  interface Class<T> {
    from_pretrained(path: string, options: object): Promise<T>;
  }
  const { AutoModelForCausalLM, AutoTokenizer, Tensor } = (await import(name)) as {
    AutoModelForCausalLM: Class<{
      generate(options: object): Promise<{ tolist(): bigint[][] }>;
      dispose(): Promise<unknown>;
    }>;
    AutoTokenizer: Class<{ encode(text: string): number[]; chat_template: string | null }>;
    Tensor: new (type: string, data: BigInt64Array, dims: readonly number[]) => object;
  };
  const tokenizer = await AutoTokenizer.from_pretrained(directory, options);
  const model = await AutoModelForCausalLM.from_pretrained(directory, options);
  const int64 = ({ data, shape }: typeof prompts.inputIds) =>
    new Tensor("int64", BigInt64Array.from(data, BigInt), shape);
  const found = await model.generate({
    ...{ input_ids: int64(prompts.inputIds), attention_mask: int64(prompts.attentionMask) },
    ...{ max_new_tokens: LENGTH, min_new_tokens: LENGTH, eos_token_id: [100_000] },
  });
  await model.dispose();
  return {
    tokens: found.tolist().map((row) => row.slice(6).map(Number)),
    ids: tokenizer.encode(text),
    template: tokenizer.chat_template !== null,
  };
}

test("an adapter is merged into each form, which its reader opens: the same tokens as base and adapter give", async () => {
  const expected = await readBack("directory", tiny, tinyAdapter);
  assert.notDeepEqual(expected.tokens, (await readBack("directory", tiny)).tokens);
  const forms = {
    "transformers-js": ["--variants", "fp32"],
    transformers: ["--dtype", "float32"],
    gguf: ["--dtype", "float32"],
  };
  const found: Record<string, unknown> = {};
  for (const [form, words] of Object.entries(forms)) {
    const out = join(root, `merged-${form}`);
    const { status, stderr } = await run(
      tiny,
      "--as",
      form,
      "--adapter",
      tinyAdapter,
      "--out",
      out,
      ...words,
    );
    assert.equal(status, 0, stderr);
    assert.match(readFileSync(join(out, "README.md"), "utf8"), /## What trained it/);
    found[form] =
      form === "transformers-js"
        ? await inTransformersJs(out)
        : form === "gguf"
          ? await readBack("file", join(out, "model.gguf"))
          : await readBack("directory", out);
  }
  assert.deepEqual(found, { "transformers-js": expected, transformers: expected, gguf: expected });
});

test("a GGUF file becomes each form, its tokenizer too", async () => {
  const first = join(root, "first");
  const { status, stderr } = await run(tiny, "--as", "gguf", "--dtype", "q8_0", "--out", first);
  assert.equal(status, 0, stderr);
  const file = join(first, "model.gguf");
  const expected = await readBack("file", file);
  assert.deepEqual(expected.ids, (await readBack("directory", tiny)).ids);

  const [web, folder, again] = ["web-of-gguf", "folder-of-gguf", "gguf-of-gguf"].map((name) =>
    join(root, name),
  );
  for (const words of [
    ["--variants", "fp32", "--out", web!],
    ["--as", "transformers", "--out", folder!],
    ["--as", "gguf", "--dtype", "q8_0", "--out", again!],
  ]) {
    const made = await run(file, ...words);
    assert.equal(made.status, 0, made.stderr);
  }
  assert.deepEqual(await inTransformersJs(web!), expected);
  assert.deepEqual(await readBack("directory", folder!), expected);
  assert.deepEqual(await readBack("file", join(again!, "model.gguf")), expected);
});

test("a name of the hub is fetched; the card names it as the base, with its licence", async () => {
  const hub = new FakeHub();
  await hub.start();
  try {
    for (const name of readdirSync(tiny))
      hub.files.set(`/owner/tiny/resolve/main/${name}`, { content: readFileSync(join(tiny, name)) });
    hub.files.set("/owner/tiny/resolve/main/README.md", { content: Buffer.from("---\nlicense: mit\n---\n") });
    Object.assign(environment, { HF_ENDPOINT: hub.endpoint, PERSONA_CACHE: join(root, "cache") });
    const out = join(root, "from-hub");
    const { status, stderr } = await run("owner/tiny", "--as", "gguf", "--dtype", "float32", "--out", out);
    assert.equal(status, 0, stderr);
    const card = readFileSync(join(out, "README.md"), "utf8");
    assert.match(card, /^license: mit$/m);
    assert.match(card, /^base_model: "owner\/tiny"$/m);
    assert.deepEqual(await readBack("file", join(out, "model.gguf")), await readBack("directory", tiny));

    const missing = await run("owner/nothing", "--out", join(root, "nothing"));
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /owner\/nothing/);
  } finally {
    for (const name of Object.keys(environment)) delete environment[name];
    await hub.stop();
  }
});

test("a model is not written over itself", async () => {
  for (const [model, out] of [
    [tiny, `${tiny}/.`],
    [join(root, "first", "model.gguf"), join(root, "first")],
  ] as const) {
    const before = readdirSync(out);
    const { status, stderr } = await run(model, "--as", "gguf", "--out", out);
    assert.equal(status, 1);
    assert.match(stderr, /the model itself lies there; name another folder/);
    assert.deepEqual(readdirSync(out), before);
  }
});
