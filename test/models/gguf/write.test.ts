import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeGgufModel } from "../../../src/models/gguf/write";
import { openCheckpoint } from "../../../src/models/pretrained/open-checkpoint";
import type { TokenizerFiles } from "../../../src/models/tokenizer/files";
import { byteLevelFields, modelFields, modelTensors, vocabularies, writeTiny } from "./tiny-gguf";

const folder = mkdtempSync(join(tmpdir(), "gguf-write-"));
test.after(() => rmSync(folder, { recursive: true }));
const out = join(folder, "out.gguf");
const vocabulary = vocabularies.byteLevel["smollm"]!.tokens.length;

/** A tokenizer of few tokens, in the form of SmolLM2's. */
const small: TokenizerFiles = {
  source: "small",
  tokenizer: {
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({ id, content, special: true })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Digits", individual_digits: true },
        { type: "ByteLevel", use_regex: true, add_prefix_space: false, trim_offsets: true },
      ],
    },
    model: {
      type: "BPE",
      vocab: { "<unk>": 0, "<s>": 1, "</s>": 2, a: 3, b: 4, ab: 5 },
      merges: [["a", "b"]],
    },
  },
  config: { bos_token: "<s>", eos_token: { content: "</s>" }, unk_token: "<unk>" },
};

const fixture = (name: string) => join(__dirname, "../../fixtures/tiny-llama", name);
for (const name of ["a", "b"])
  test(`the model of tiny-llama/${name} is the same after writing and reading`, () => {
    const before = openCheckpoint(fixture(name));
    writeGgufModel(out, { model: before, tokenizer: small, name }, "F32");
    const after = openCheckpoint(out);
    assert.deepEqual(
      { ...(after.config as object), initializerRange: 0 },
      { ...(before.config as object), initializerRange: 0, ...(name === "a" ? { padTokenId: 2 } : {}) },
    );
    for (const parameter of Object.keys(before.architecture.parameterShapes(before.config)))
      assert.deepEqual(after.parameters.get(parameter), before.parameters.get(parameter), parameter);
    before.close();
    after.close();
  });

for (const kind of ["llama", "qwen2", "qwen3"])
  test(`a ${kind} goes through every type, and its tokenizer stays`, () => {
    const tensors = modelTensors(vocabulary);
    const vectors = { qwen2: [["attn_q.bias", 64], ["attn_k.bias", 32], ["attn_v.bias", 32]], qwen3: [["attn_q_norm.weight", 16], ["attn_k_norm.weight", 16]], llama: [] }[kind]!; // prettier-ignore
    for (const layer of [0, 1])
      for (const [part, count] of vectors as [string, number][])
        tensors.set(`blk.${layer}.${part}`, { type: "F32", shape: [count], values: () => Float32Array.from({ length: count }, (_, i) => 1 + i / 8) }); // prettier-ignore
    const before = openCheckpoint(
      writeTiny(join(folder, "in.gguf"), { ...modelFields(kind), ...byteLevelFields("smollm") }, tensors),
    );
    const sizes: number[] = [];
    for (const [type, bar] of [
      ["F32", 0],
      ["F16", 5e-4],
      ["BF16", 4e-3],
      ["Q8_0", 8e-3],
    ] as const) {
      writeGgufModel(out, { model: before, tokenizer: before.tokenizer!(), name: "tiny" }, type);
      sizes.push(readFileSync(out).length);
      const after = openCheckpoint(out);
      assert.deepEqual({ ...after.tokenizer!(), source: "" }, { ...before.tokenizer!(), source: "" });
      assert.deepEqual(after.configFile, before.configFile);
      for (const parameter of Object.keys(before.architecture.parameterShapes(before.config))) {
        const [a, b] = [after.parameters.get(parameter)!.data, before.parameters.get(parameter)!.data];
        const most = b.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
        assert.ok(
          a.every((x, i) => Math.abs(x - b[i]!) <= bar * most),
          `${type} ${parameter}`,
        );
      }
      after.close();
    }
    assert.ok(sizes[3]! < sizes[2]! && sizes[2] === sizes[1] && sizes[1]! < sizes[0]!);
    before.close();
  });

test("in Q8_0 rows that are not whole blocks are F16", () => {
  const before = openCheckpoint(fixture("b"));
  writeGgufModel(out, { model: before, tokenizer: small, name: "b" }, "Q8_0");
  const after = openCheckpoint(out);
  const name = "model.layers.0.mlp.up_proj.weight";
  const [a, b] = [after.parameters.get(name)!.data, before.parameters.get(name)!.data];
  assert.ok(a.every((x, i) => Math.abs(x - b[i]!) <= 5e-4 * Math.abs(b[i]!) + 1e-7));
  before.close();
  after.close();
});

test("what the format has no word for is refused, and nothing is written", () => {
  const model = openCheckpoint(fixture("a"));
  const target = join(folder, "none.gguf");
  const write =
    (change: object, tokenizer = small) =>
    () =>
      writeGgufModel(target, {
        model: { ...model, configFile: { ...model.configFile, ...change } },
        tokenizer,
        name: "x",
      });
  assert.throws(
    write({ model_type: "t5" }),
    /none\.gguf: a model of model_type "t5" cannot be written as GGUF/,
  );
  assert.throws(write({ rope_parameters: { rope_type: "yarn" } }), /rope_type "yarn" cannot be written/);
  assert.throws(write({ hidden_size: undefined }), /config\.json has no number hidden_size/);
  const unigram = { ...small, tokenizer: { ...small.tokenizer, model: { type: "Unigram" } } };
  assert.throws(
    write({}, unigram),
    /the tokenizer of small cannot be written as GGUF: its model is "Unigram"/,
  );
  assert.equal(existsSync(target), false);
  model.close();
});
