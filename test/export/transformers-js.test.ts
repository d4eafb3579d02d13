import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exportTransformersJs } from "../../src/export/transformers-js";
import { generate } from "../../src/generation/generate";
import { T5Generator } from "../../src/models/t5/generator";
import { padBatch } from "../../src/models/tokenizer/tokenizer";
import { int32Tensor } from "../../src/tensors/tensor";
import { testEveryLlama } from "../models/llama-fixtures";
import { randomT5, TINY, writeTinyTokenizer } from "../models/tiny";
import { randomLlama, TINY_LLAMA, writeTinyChatTokenizer } from "../models/tiny-llama";

const root = mkdtempSync(join(tmpdir(), "export-"));
test.after(() => rmSync(root, { recursive: true }));

/** The part of @huggingface/transformers that the tests use. */
interface Transformers {
  AutoModelForSeq2SeqLM: ModelClass;
  AutoModelForCausalLM: ModelClass;
  AutoTokenizer: { from_pretrained(path: string, options: { local_files_only: true }): Promise<unknown> };
  Tensor: new (type: "int64", data: BigInt64Array, dims: number[]) => object;
}
interface ModelClass {
  from_pretrained(path: string, options: { local_files_only: true; dtype: string }): Promise<Model>;
}
interface Model {
  generate(options: object): Promise<{ tolist(): bigint[][] }>;
  dispose(): Promise<unknown>;
}

const load = async () => {
  const name: string = "@huggingface/transformers";
  return (await import(name)) as Transformers;
};

const rows = [
  [3, 4, 5, 6, 7, 8, 9, 1],
  [10, 11, 1],
  [12, 13, 14, 15, 16, 1],
];

for (const tieWordEmbeddings of [false, true]) {
  for (const [dtype, weights] of [
    ["fp32", "float32"],
    ["q8", "int8"],
  ] as const) {
    test(`Transformers.js generates the same ids (${dtype}, ${tieWordEmbeddings ? "tied" : "untied"})`, async () => {
      const model = randomT5({ ...TINY, tieWordEmbeddings }, 4);
      writeTinyTokenizer(root);
      const directory = join(root, `${dtype}-${tieWordEmbeddings}`);
      exportTransformersJs(directory, model, { tokenizerFrom: root });

      const batch = padBatch(rows, 0);
      const generator = await T5Generator.create(model, { weights });
      const ours = await generate(generator, batch, { maxNewTokens: 40 });
      await generator.dispose();

      const { AutoModelForSeq2SeqLM, AutoTokenizer, Tensor } = await load();
      await AutoTokenizer.from_pretrained(directory, { local_files_only: true });
      const theirs = await AutoModelForSeq2SeqLM.from_pretrained(directory, {
        local_files_only: true,
        dtype,
      });
      const int64 = ({ shape, data }: typeof batch.inputIds) =>
        new Tensor("int64", BigInt64Array.from(data, BigInt), [...shape]);
      const output = await theirs.generate({
        inputs: int64(batch.inputIds),
        attention_mask: int64(batch.attentionMask),
        max_new_tokens: 40,
      });
      await theirs.dispose();
      // Transformers.js lets ended rows of a batch run on, so what follows the end of a row is left out.
      const untilEnd = (row: bigint[]) => {
        const tokens = row.slice(1).map(Number);
        return tokens.includes(1) ? tokens.slice(0, tokens.indexOf(1) + 1) : tokens;
      };
      assert.deepEqual(
        output.tolist().map(untilEnd),
        ours.map(({ tokens }) => tokens),
      );
      const longest = Math.max(...ours.map(({ tokens }) => tokens.length));
      assert.ok(longest > 20, `sequences of at most ${longest} tokens try too little`);
    });
  }
}

/** Prompts of different lengths, padded on the left as a causal model needs them. */
const prompts = [
  [5, 6, 7, 8, 9, 10, 11],
  [12, 13],
  [14, 15, 16, 17],
];

function leftPadded(rows: readonly number[][], pad: number) {
  const width = Math.max(...rows.map(({ length }) => length));
  const shape = [rows.length, width];
  const fill = (value: number, row: number[]) => [
    ...Array.from({ length: width - row.length }, () => value),
    ...row,
  ];
  return {
    inputIds: int32Tensor(shape, Int32Array.from(rows.flatMap((row) => fill(pad, row)))),
    attentionMask: int32Tensor(
      shape,
      Int32Array.from(
        rows.flatMap((row) =>
          fill(
            0,
            row.map(() => 1),
          ),
        ),
      ),
    ),
    lengths: rows.map(({ length }) => length),
  };
}

/** What Transformers.js answers to a batch with a directory's model: the new tokens of each row, up to an end token. */
async function answersOf(
  directory: string,
  dtype: string,
  batch: Pick<ReturnType<typeof leftPadded>, "inputIds" | "attentionMask">,
  { stop, ...options }: { max_new_tokens: number; stop: readonly number[]; [option: string]: unknown },
): Promise<number[][]> {
  const { AutoModelForCausalLM, AutoTokenizer, Tensor } = await load();
  await AutoTokenizer.from_pretrained(directory, { local_files_only: true });
  const model = await AutoModelForCausalLM.from_pretrained(directory, { local_files_only: true, dtype });
  const int64 = ({ shape, data }: typeof batch.inputIds) =>
    new Tensor("int64", BigInt64Array.from(data, BigInt), [...shape]);
  try {
    const output = await model.generate({
      inputs: int64(batch.inputIds),
      attention_mask: int64(batch.attentionMask),
      // A token that no row chooses, where none shall end it.
      eos_token_id: stop.length > 0 ? [...stop] : [1 << 20],
      ...options,
    });
    return output.tolist().map((row) => {
      const tokens = row.slice(batch.inputIds.shape[1]).map(Number);
      const end = tokens.findIndex((token) => stop.includes(token));
      return end < 0 ? tokens : tokens.slice(0, end + 1);
    });
  } finally {
    await model.dispose();
  }
}

for (const [name, file] of Object.entries({
  "Llama, tied": TINY_LLAMA,
  "Llama with biases and llama3's angles": {
    ...TINY_LLAMA,
    attention_bias: true,
    mlp_bias: true,
    tie_word_embeddings: false,
    rope_parameters: {
      rope_type: "llama3",
      rope_theta: 500,
      factor: 4,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 16,
    },
  },
  Mistral: { ...TINY_LLAMA, model_type: "mistral", sliding_window: null, num_key_value_heads: 1 },
  Qwen2: { ...TINY_LLAMA, model_type: "qwen2", num_key_value_heads: 4 },
  Qwen3: { ...TINY_LLAMA, model_type: "qwen3", tie_word_embeddings: false },
})) {
  test(`Transformers.js goes on from padded prompts as generation here does: ${name}`, async () => {
    const model = randomLlama(file, 8);
    writeTinyChatTokenizer(root);
    const directory = join(root, name);
    exportTransformersJs(directory, model, { tokenizerFrom: root, variants: ["fp32"] });
    const batch = leftPadded(prompts, 2);
    const generator = await model.architecture.createGenerator(model);
    const ours = await generate(generator, batch, { maxNewTokens: 40, stopTokenIds: [] });
    await generator.dispose();
    const theirs = await answersOf(directory, "fp32", batch, { max_new_tokens: 40, stop: [] });
    assert.deepEqual(
      theirs,
      ours.map(({ tokens }) => tokens),
    );
    assert.ok(new Set(theirs.flat()).size > 10, "answers of few tokens try too little");
  });
}

interface Run {
  readonly name: string;
  readonly args: { max_new_tokens: number; eos_token_id: number[] | null; [option: string]: unknown };
  readonly answers: number[][];
}
interface GenerationFile {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly runs: Run[];
}

testEveryLlama(
  "Transformers.js answers as transformers",
  ["generation.json", "model.safetensors"],
  (fixture) =>
    fixture
      .read<GenerationFile>("generation.json")
      // Transformers.js searches without beams, and its repetition penalty takes padding for tokens that were said.
      .runs.filter(({ args }) => !("num_beams" in args || "repetition_penalty" in args))
      .filter(({ args }) => args["do_sample"] === false)
      .map(({ name }) => name),
  async (fixture, name) => {
    const { input_ids, attention_mask, runs } = fixture.read<GenerationFile>("generation.json");
    const { args, answers } = runs.find((run) => run.name === name)!;
    const directory = join(root, fixture.name);
    writeTinyChatTokenizer(root);
    exportTransformersJs(directory, fixture.model(), { tokenizerFrom: root, variants: ["fp32"] });
    const shape = [input_ids.length, input_ids[0]!.length];
    const batch = {
      inputIds: int32Tensor(shape, Int32Array.from(input_ids.flat())),
      attentionMask: int32Tensor(shape, Int32Array.from(attention_mask.flat())),
    };
    const { eos_token_id: eos, ...options } = args;
    assert.deepEqual(await answersOf(directory, "fp32", batch, { ...options, stop: eos ?? [] }), answers);
  },
);
