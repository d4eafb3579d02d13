import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generate } from "../../../src/generation/generate";
import { isModelFile, openCheckpoint } from "../../../src/models/pretrained/open-checkpoint";
import { loadPretrained } from "../../../src/models/pretrained/pretrained";
import { copyTokenizer } from "../../../src/models/pretrained/write";
import { loadTokenizer, padBatch } from "../../../src/models/tokenizer/tokenizer";
import { byteLevelFields, modelFields, modelTensors, vocabularies, writeTiny } from "../gguf/tiny-gguf";

const folder = mkdtempSync(join(tmpdir(), "open-"));
test.after(() => rmSync(folder, { recursive: true }));
const vocabulary = vocabularies.byteLevel["smollm"]!.tokens.length;
const metadata = { ...modelFields("llama"), ...byteLevelFields("smollm") };
const write = (name: string, change: (tensors: ReturnType<typeof modelTensors>) => void = () => {}) => {
  const tensors = modelTensors(vocabulary);
  change(tensors);
  return writeTiny(join(folder, name), metadata, tensors);
};

test("a GGUF file is opened as a Llama, with its tokenizer, whatever its name", async () => {
  const path = write("m.gguf");
  const other = join(folder, "blob");
  copyFileSync(path, other);
  for (const each of [path, other]) {
    const checkpoint = openCheckpoint(each);
    assert.equal(checkpoint.architecture.modelType, "llama");
    assert.equal(checkpoint.config.vocabSize, vocabulary);
    for (const [name, shape] of Object.entries(checkpoint.architecture.parameterShapes(checkpoint.config)))
      assert.deepEqual(checkpoint.parameters.get(name)!.shape, shape);
    assert.equal((await loadTokenizer(checkpoint.tokenizer!())).vocabularySize, vocabulary);
    checkpoint.close();
    assert.throws(() => checkpoint.parameters.get("model.norm.weight"), /already closed/);
  }
  assert.deepEqual(
    [isModelFile(path), isModelFile(other), isModelFile(folder), isModelFile("none.gguf")],
    [true, false, false, false],
  );
});

test("the tokenizer of a file is written beside a model as Hugging Face's files", async () => {
  const checkpoint = openCheckpoint(write("m.gguf"));
  const target = join(folder, "written");
  copyTokenizer(checkpoint.tokenizer!(), target);
  const [there, here] = [await loadTokenizer(target), await loadTokenizer(checkpoint.tokenizer!())];
  const line = "In 2024 I'm ½ here\n\n 12";
  assert.deepEqual(there.encode(line), here.encode(line));
  const said = [{ role: "user", content: line }];
  assert.equal(there.chatText(said), here.chatText(said));
  checkpoint.close();
});

test("a model in one file is found, and opened with its tokenizer", async () => {
  const path = write("m.gguf");
  const { source, checkpoint, tokenizer } = await loadPretrained({ directory: path });
  assert.deepEqual(source, { kind: "file", directory: path, why: `${path} is a model in one file` });
  assert.equal(checkpoint.architecture.modelType, "llama");
  assert.equal(tokenizer.files!.source, path);
  checkpoint.close();
  const metadata = {
    ...modelFields("llama"),
    ...byteLevelFields("smollm", { ...vocabularies.byteLevel["smollm"]! }),
  };
  const unknown = writeTiny(
    join(folder, "unknown.gguf"),
    { ...metadata, "tokenizer.ggml.pre": { type: "string", value: "tekken" } },
    modelTensors(vocabulary),
  );
  await assert.rejects(
    loadPretrained({ directory: unknown }),
    /unknown\.gguf: tokenizer\.ggml\.pre "tekken" is not known/,
  );
});

test("a folder in Hugging Face layout is opened as before", () => {
  const checkpoint = openCheckpoint(join(__dirname, "../../fixtures/tiny-llama/a"));
  assert.ok(!("tokenizer" in checkpoint));
  assert.ok(checkpoint.parameters.get("model.norm.weight"));
  checkpoint.close();
  assert.throws(() => openCheckpoint(join(folder, "nowhere")), /nowhere.*no such/);
});

test("tensors that are missing, too many or of another shape are refused on opening", () => {
  const bias = { type: "F32", shape: [64], values: () => new Float32Array(64) } as const;
  for (const [change, message] of [
    [
      (t) => t.delete("blk.1.ffn_up.weight"),
      /x\.gguf: missing tensors: model\.layers\.1\.mlp\.up_proj\.weight; the file is not whole, .*: download it again, or convert the model anew$/,
    ],
    [
      (t) => t.set("blk.2.attn_norm.weight", bias),
      /x\.gguf: not in a Llama of these sizes: model\.layers\.2\.input_layernorm\.weight; the file is not whole, .*: download it again, or convert the model anew$/,
    ],
    [
      (t) => t.set("blk.1.attn_v.bias", bias),
      /not in a Llama of these sizes: model\.layers\.1\.self_attn\.v_proj\.bias/,
    ],
    [
      (t) => t.set("output_norm.weight", { ...bias, shape: [32], values: () => new Float32Array(32) }),
      /tensor model\.norm\.weight has shape \[32\], not \[64\]; the file is not whole, .*: download it again, or convert the model anew$/,
    ],
  ] as [Parameters<typeof write>[1] & {}, RegExp][])
    // prettier-ignore
    assert.throws(() => openCheckpoint(write("x.gguf", change)), message);
});

test("what is no model is said to be what it is", () => {
  for (const [name, content, message] of [
    ["page.gguf", "<html><body>", /page\.gguf: not a valid GGUF file: it is an HTML page/],
    ["pickle.bin", "\x80\x02}q\x00", /pickle\.bin is a PyTorch or Python pickle, which can run code/],
    [
      "notes.txt",
      "Hello there, this is text",
      /notes\.txt: not a model: a folder in Hugging Face layout, a GGUF file \(\.gguf\) or a checkpoint of llama2\.c/,
    ],
    ["empty.bin", "", /empty\.bin is empty/],
  ] as const) {
    // prettier-ignore
    const path = join(folder, name);
    writeFileSync(path, Buffer.from(content, "latin1"));
    assert.throws(() => openCheckpoint(path), message);
  }
});

const stories = "../shared/data/stories260K/stories260K.bin";
test(
  "llama2.c's stories begin as transformers continues them",
  { skip: existsSync(stories) ? false : `${stories} is missing` },
  async () => {
    const { checkpoint, tokenizer } = await loadPretrained({ directory: stories });
    const generator = await checkpoint.architecture.createGenerator(checkpoint);
    const [answer] = await generate(generator, padBatch([[tokenizer.bosId!]], tokenizer.padId), {
      maxNewTokens: 60,
    });
    // Greedy, by LlamaForCausalLM of transformers 5.24.0 over the same file.
    const wanted =
      "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, " +
      "red ball. She wanted to play with it, but it was too high";
    assert.equal(tokenizer.decode(answer!.tokens), wanted);
    await generator.dispose();
    checkpoint.close();
  },
);

const chat = process.env["PERSONA_CHAT_MODEL"];
const noFile = "PERSONA_CHAT_MODEL names no model (a folder or GGUF file)";
test(
  "the chat model is opened, and every parameter read, within its file's size and 200 MB",
  { skip: chat && existsSync(chat) ? false : noFile },
  async () => {
    const checkpoint = openCheckpoint(chat!);
    const before = process.resourceUsage().maxRSS;
    for (const [name, shape] of Object.entries(checkpoint.architecture.parameterShapes(checkpoint.config)))
      assert.deepEqual(checkpoint.parameters.get(name)!.shape, shape);
    const grown = (process.resourceUsage().maxRSS - before) * 1024;
    const isFile = statSync(chat!).isFile();
    const files = isFile ? [chat!] : readdirSync(chat!).map((name) => join(chat!, name));
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    assert.ok(
      grown <= bytes + 200e6,
      `${Math.round(grown / 1e6)} MB for a file of ${Math.round(bytes / 1e6)} MB`,
    );
    const tokenizer = await loadTokenizer(checkpoint.tokenizer?.() ?? chat!);
    const line = "In 2024 I'm here, é!\n\n 12";
    assert.equal(tokenizer.decode(tokenizer.encode(line)), line);
    checkpoint.close();
  },
);
