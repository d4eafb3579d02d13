import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { generate } from "../../../src/generation/generate";
import type { GenerationOptions } from "../../../src/generation/options";
import { readJson } from "../../../src/io/files";
import type { Decoder, GeneratorOptions } from "../../../src/models/generative";
import type { ParameterSource } from "../../../src/models/layers/weights";
import { LlamaGenerator } from "../../../src/models/llama/generator";
import { decode, llama, logits } from "../../../src/models/llama/model";
import { loraAName, loraBName } from "../../../src/models/lora/trainable";
import { openModelDirectory } from "../../../src/models/pretrained/read";
import { q4_0, q4_1, q8_0 } from "../../../src/models/quantization/blocks";
import type { QuantizationScheme } from "../../../src/models/quantization/scheme";
import { padBatch, type TokenBatch } from "../../../src/models/tokenizer/tokenizer";
import { float32Tensor, type HostTensor, int32Tensor } from "../../../src/tensors/tensor";
import { closeTo, type LlamaFixture, testEveryLlama } from "../llama-fixtures";
import { batchOf, tinyLlama } from "./tiny-llama";

interface Run {
  readonly name: string;
  readonly args: Record<string, number | boolean | number[] | null>;
  /** New tokens of each returned sequence, cut behind the first stop token. */
  readonly answers: number[][];
  readonly sequences_scores?: number[];
}

interface GenerationFile {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly runs: Run[];
}

const readFile = (fixture: LlamaFixture) => fixture.read<GenerationFile>("generation.json");

/** The prompts, padded on the left as they are. */
function promptsOf({ input_ids, attention_mask }: GenerationFile): TokenBatch {
  const shape = [input_ids.length, input_ids[0]!.length];
  return {
    inputIds: int32Tensor(shape, Int32Array.from(input_ids.flat())),
    attentionMask: int32Tensor(shape, Int32Array.from(attention_mask.flat())),
    lengths: attention_mask.map((row) => row.reduce((sum, mask) => sum + mask, 0)),
  };
}

/** transformers' arguments as our options. */
function optionsOf(args: Run["args"]): GenerationOptions {
  const { eos_token_id: eos, pad_token_id: _, ...others } = args;
  const camel = Object.entries(others).map(([name, value]) => [
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const stopTokenIds = eos === null ? [] : [eos as number | number[]].flat();
  return {
    ...(Object.fromEntries(camel) as unknown as GenerationOptions),
    stopTokenIds,
    processPadding: true,
  };
}

testEveryLlama(
  "generation equals transformers'",
  ["generation.json", "model.safetensors"],
  (fixture) => readFile(fixture).runs.map(({ name }) => name),
  async (fixture, name) => {
    const file = readFile(fixture);
    const run = file.runs.find((run) => run.name === name)!;
    const model = fixture.model();
    const generator = await model.architecture.createGenerator(model);
    try {
      const found = await generate(generator, promptsOf(file), optionsOf(run.args));
      assert.deepEqual(
        found.map(({ tokens }) => tokens),
        run.answers,
      );
      run.sequences_scores?.forEach((score, i) =>
        assert.ok(Math.abs(found[i]!.score! - score) < 1e-5, `${found[i]!.score} and ${score}`),
      );
    } finally {
      await generator.dispose();
    }
  },
);

type Tiny = Omit<ReturnType<typeof tinyLlama>, "parameters"> & { parameters: ParameterSource };

/** Runs `work` with a generator, which is freed. */
async function withGenerator<T>(
  model: Tiny,
  work: (generator: LlamaGenerator) => Promise<T>,
  options: GeneratorOptions = {},
): Promise<T> {
  const generator = await LlamaGenerator.create(model, { threads: 1, ...options });
  try {
    return await work(generator);
  } finally {
    await generator.dispose();
  }
}

/** The logits behind each token of `tokens`, the first of which are the prompt, read one by one. */
async function stepLogits(
  generator: LlamaGenerator,
  prompt: number[],
  next: number[],
): Promise<Float32Array[]> {
  const decoder = await generator.startDecoder(padBatch([prompt], 0), 1, next.length + 1);
  const found: Float32Array[] = [];
  for (const token of [prompt.at(-1)!, ...next]) found.push(await decoder.nextLogits(Int32Array.of(token)));
  decoder.dispose();
  return found;
}

/** The same by the model's whole forward pass on TensorFlow.js. */
function wholeLogits({ config, parameters }: Tiny, prompt: number[], next: number[]): Float32Array[] {
  return tf.tidy(() => {
    const tensors = new Proxy<Record<string, tf.Tensor>>(
      {},
      {
        get: (_, name: string) => {
          const found = parameters.get(name);
          return found && tf.tensor(found.data, [...found.shape]);
        },
      },
    );
    const model = llama(config, tensors);
    const tokens = [...prompt, ...next];
    const ids = tf.tensor2d([tokens], undefined, "int32");
    const all = logits(model, decode(model, ids, tf.onesLike(ids)));
    const data = all.dataSync() as Float32Array;
    const width = config.vocabSize;
    return tokens.flatMap((_, i) => (i < prompt.length - 1 ? [] : [data.slice(i * width, (i + 1) * width)]));
  });
}

const greedy = async (generator: LlamaGenerator, batch: TokenBatch, maxNewTokens = 12) =>
  (await generate(generator, batch, { maxNewTokens, stopTokenIds: [] })).map(({ tokens }) => tokens);

const PROMPT = [5, 17, 3, 44, 60, 2, 81];
const NEXT = [9, 9, 30, 71];

for (const [what, fields, family] of [
  ["heads of 16", {}, "llama"],
  ["heads of 24, one for keys", { head_dim: 24, num_key_value_heads: 1 }, "llama"],
  ["heads of 8", { head_dim: 8 }, "llama"],
  ["heads of 6 and an lm_head", { head_dim: 6, tie_word_embeddings: false }, "llama"],
  ["biases everywhere", { attention_bias: true, mlp_bias: true }, "llama"],
  ["Qwen2", {}, "qwen2"],
  ["Qwen3", {}, "qwen3"],
] as const) {
  test(`steps give the logits of the whole forward pass: ${what}`, async () => {
    await tf.setBackend("cpu");
    const model = tinyLlama(fields, family);
    const expected = wholeLogits(model, PROMPT, NEXT);
    const found = await withGenerator(model, (generator) => stepLogits(generator, PROMPT, NEXT));
    found.forEach((row, i) => closeTo(row, expected[i]!, 2e-5, `token ${i}`));
  });

  for (const [weights, bar] of [
    ["int8", 0.06],
    ["int4", 0.5],
  ] as const)
    test(`${weights} stays near float32: ${what}`, async () => {
      const model = tinyLlama(fields, family);
      const read = (generator: LlamaGenerator) => stepLogits(generator, PROMPT, NEXT);
      const exact = (await withGenerator(model, read)).flatMap((row) => [...row]);
      const rounded = (await withGenerator(model, read, { weights })).flatMap((row) => [...row]);
      const off = Math.hypot(...exact.map((x, i) => x - rounded[i]!)) / Math.hypot(...exact);
      assert.ok(off < bar && off > bar / 60, `${off}`);
    });
}

test("a prompt that is fed in several pieces gives the logits of the whole forward pass", async () => {
  await tf.setBackend("cpu");
  const model = tinyLlama({ max_position_embeddings: 700 });
  const prompt = Array.from({ length: 600 }, (_, i) => (7 * i + (i % 5)) % 96);
  const expected = wholeLogits(model, prompt, NEXT);
  const found = await withGenerator(model, (generator) => stepLogits(generator, prompt, NEXT));
  found.forEach((row, i) => closeTo(row, expected[i]!, 2e-5, `token ${i}`));
});

/** A model whose weights are on the grid of a scheme, as a file of that scheme has them; `schemeOf` gives none for floats. */
function keptBy(
  model: ReturnType<typeof tinyLlama>,
  schemeOf: (name: string) => QuantizationScheme | undefined,
) {
  const floats = new Map(model.parameters);
  const rounded = new Map<string, ReturnType<NonNullable<ParameterSource["rounded"]>>>();
  for (const [name, tensor] of model.parameters) {
    const scheme = tensor.shape.length === 2 ? schemeOf(name) : undefined;
    if (!scheme) continue;
    const tensors = scheme.quantize(name, tensor);
    rounded.set(name, { scheme: scheme.name, tensors });
    floats.set(name, expand(scheme, name, tensors, tensor));
  }
  const reads: string[] = [];
  const parameters: ParameterSource = {
    get: (name) => {
      reads.push(name);
      return floats.get(name);
    },
    rounded: (name) => rounded.get(name),
  };
  return { exact: { ...model, parameters: floats }, kept: { ...model, parameters }, reads };
}

/** The values that rounded tensors stand for. */
function expand(
  scheme: QuantizationScheme,
  name: string,
  tensors: ReturnType<QuantizationScheme["quantize"]>,
  { shape }: HostTensor<"float32">,
): HostTensor<"float32"> {
  const data = tf.tidy(() => {
    const named = Object.fromEntries(
      Object.entries(tensors).map(([part, { dtype, shape, data }]) => [
        part,
        tf.tensor(data as Float32Array, [...shape], dtype === "float32" ? "float32" : "int32"),
      ]),
    );
    const none = () => assert.fail("handed on");
    const layers = scheme.link(named)({ apply: none, denseWeight: none, rows: none });
    const ids = tf.range(0, shape[0]!, 1, "int32") as tf.Tensor1D;
    return layers.rows(ids, name.slice(0, -".weight".length), shape[1]!).dataSync() as Float32Array;
  });
  return float32Tensor(shape, data);
}

for (const [what, schemeOf] of [
  ["Q8_0", () => q8_0],
  ["Q4_0", () => q4_0],
  ["Q4_1, the embedding Q8_0", (name) => (name.includes("embed") ? q8_0 : q4_1)],
  ["Q4_1, v Q8_0", (name) => (name.includes("v_proj") ? q8_0 : q4_1)],
  ["q and the embedding floats", (name) => (/q_proj|embed/.test(name) ? undefined : q8_0)],
] as [string, (name: string) => QuantizationScheme | undefined][]) {
  test(`weights "file" are the file's own: ${what}`, async () => {
    await tf.setBackend("cpu");
    const { exact, kept, reads } = keptBy(tinyLlama(), schemeOf);
    const read = (generator: LlamaGenerator) => stepLogits(generator, PROMPT, NEXT);
    const expected = (await withGenerator(exact, read)).flatMap((row) => [...row]);
    const found = (await withGenerator(kept, read, { weights: "file" })).flatMap((row) => [...row]);
    const off = Math.hypot(...expected.map((x, i) => x - found[i]!)) / Math.hypot(...expected);
    assert.ok(off < 0.04, `${off}`); // activations are rounded to 8 bits
    assert.deepEqual(
      reads.filter((name) => /(_proj|embed_tokens)\.weight$/.test(name) && schemeOf(name)),
      [],
      "nothing that the file keeps in few bits was read as floats",
    );
  });
}

const PROMPTS = [[5, 17, 3, 44, 60, 2, 81], [11], [5, 17, 3, 44, 60, 8, 9, 10, 11, 12], [70, 71]];

test("a row's answer depends neither on its batch nor on where padding stands", async () => {
  await withGenerator(tinyLlama(), async (generator) => {
    const alone: (readonly number[])[] = [];
    for (const prompt of PROMPTS) alone.push(...(await greedy(generator, batchOf([prompt]))));
    assert.ok(new Set(alone.map((tokens) => tokens.join())).size > 2, "the answers differ");
    for (const side of ["left", "right"] as const)
      assert.deepEqual(await greedy(generator, batchOf(PROMPTS, side)), alone);
  });
});

test("rows that end leave, and the others go on as before", async () => {
  await withGenerator(tinyLlama(), async (generator) => {
    const whole = await greedy(generator, batchOf(PROMPTS));
    const stop = whole[0]![3]!;
    const found = await generate(generator, batchOf(PROMPTS), { maxNewTokens: 12, stopTokenIds: [stop] });
    const cut = (tokens: readonly number[]) => tokens.slice(0, tokens.indexOf(stop) + 1 || 13);
    assert.deepEqual(
      found.map(({ tokens }) => tokens),
      whole.map(cut),
    );
    assert.ok(
      found.some(({ tokens }) => tokens.length < 12) && found.some(({ tokens }) => tokens.length === 12),
    );
  });
});

test("rows are chosen anew, repeated and left out, and go on from what they were", async () => {
  await withGenerator(tinyLlama(), async (generator) => {
    const rows = [...PROMPTS, ...PROMPTS];
    const start = (prompts: number[][]) => generator.startDecoder(batchOf(prompts), 2, 8);
    const feedAll = async (decoder: Decoder, ...steps: number[][]) => {
      let last = new Float32Array(0);
      for (const tokens of steps) last = (await decoder.nextLogits(Int32Array.from(tokens))) as typeof last;
      return last;
    };
    assert.equal(rows.length, 8);
    const decoder = await start(PROMPTS); // 4 inputs of 2 rows
    const last = PROMPTS.flatMap((prompt) => [prompt.at(-1)!, prompt.at(-1)!]);
    await feedAll(decoder, last, [20, 21, 22, 23, 24, 25, 26, 27]);
    decoder.select([1, 1, 5, 4]); // both rows of input 0 go on from its second, those of input 2 change places
    const found = await feedAll(decoder, [30, 31, 32, 33]);
    for (const [row, [prompt, before, token]] of (
      [
        [0, 21, 30],
        [0, 21, 31],
        [2, 25, 32],
        [2, 24, 33],
      ] as const
    ).entries()) {
      const [, , expected] = await stepLogits(generator, PROMPTS[prompt]!, [before, token]);
      closeTo(found.subarray(row * 97, (row + 1) * 97), expected!, 1e-5, `row ${row}`);
    }
    decoder.dispose();
  });
});

test("a prompt that begins like one before it says the same as from the start", async () => {
  const model = tinyLlama();
  const [first, second] = [PROMPTS[0]!, PROMPTS[2]!];
  const fresh = (rows: number[][]) => withGenerator(model, (generator) => greedy(generator, batchOf(rows)));
  const expected = [(await fresh([first]))[0], (await fresh([second]))[0]];
  await withGenerator(model, async (generator) => {
    assert.deepEqual(await greedy(generator, batchOf([first, second])), expected);
    for (const prompt of [second, first, second.slice(0, 6), second])
      assert.deepEqual(await greedy(generator, batchOf([prompt])), await fresh([prompt]));
  });
});

test("a live adapter's arrays are read at every step, so nothing is taken over from a call before", async () => {
  const model = tinyLlama();
  const layer = "model.layers.0.self_attn.v_proj";
  const weights = new Map([
    [loraAName(layer), float32Tensor([2, 32], new Float32Array(64).fill(0.1))],
    [loraBName(layer), float32Tensor([32, 2], new Float32Array(64))],
  ]);
  const adapter = { scaling: { alpha: 4, rank: 2, useRslora: false }, weights };
  const plain = await withGenerator(model, (generator) => stepLogits(generator, PROMPT, NEXT));
  for (const kind of ["float32", "int8"] as const)
    await withGenerator(
      model,
      async (generator) => {
        const read = async () => (await stepLogits(generator, PROMPT, NEXT)).flatMap((row) => [...row]);
        const b = weights.get(loraBName(layer))!.data;
        b.fill(0);
        const before = await read();
        const slack = kind === "float32" ? 1e-5 : 0.3;
        closeTo(
          before,
          plain.flatMap((row) => [...row]),
          slack,
          "an adapter of zeros",
        );
        b.forEach((_, i) => (b[i] = Math.sin(i)));
        const after = await read();
        const apart = Math.hypot(...before.map((x, i) => x - after[i]!)) / Math.hypot(...before);
        assert.ok(apart > 0.05, `${apart}`);
        const again = await withGenerator(
          model,
          async (other) => (await stepLogits(other, PROMPT, NEXT)).flatMap((row) => [...row]),
          { adapter, weights: kind },
        );
        closeTo(after, again, 1e-5, "made with these arrays");
      },
      { adapter, weights: kind },
    );
});

test("an empty prompt and one that leaves no room are refused, saying which and how to mend it", async () => {
  await withGenerator(tinyLlama(), async (generator) => {
    await assert.rejects(greedy(generator, batchOf([[1], []])), /input 1 is empty.*at least one token/s);
    const long = Array.from({ length: 40 }, (_, i) => i);
    await assert.rejects(
      greedy(generator, batchOf([[1], long]), 9),
      /input 1 has 40 tokens; with 9 new ones .* 48 positions \(max_position_embeddings\): shorten/s,
    );
    assert.equal((await greedy(generator, batchOf([long]), 8))[0]!.length, 8, "all positions can be used");
  });
});

const chatModel = process.env["PERSONA_CHAT_MODEL"];

/** Whether a folder holds the model that the reference answers are of. */
function whyNotSmolLm2(): string | false {
  if (chatModel === undefined) return "PERSONA_CHAT_MODEL names no folder with SmolLM2-135M-Instruct";
  const { config } = openModelDirectory(chatModel);
  return config.vocabSize === 49152 ? false : `${chatModel} is not SmolLM2-135M-Instruct`;
}

test("SmolLM2 says what transformers' does, greedily", { skip: whyNotSmolLm2() }, async () => {
  const { answers } = readJson(join(__dirname, "../../fixtures/smollm2.json")) as {
    answers: { prompt: string; ids: number[]; new: number[] }[];
  };
  const { architecture, ...model } = openModelDirectory(chatModel!);
  const generator = await architecture.createGenerator(model);
  try {
    const batch = padBatch(
      answers.map(({ ids }) => ids),
      generator.padTokenId,
    );
    const found = await generate(generator, batch, { maxNewTokens: 64 });
    answers.forEach(({ prompt, new: expected }, i) => assert.deepEqual(found[i]!.tokens, expected, prompt));
  } finally {
    await generator.dispose();
    model.close();
  }
});
