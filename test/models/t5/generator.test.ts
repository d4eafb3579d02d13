import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generate, type GenerationOptions } from "../../../src/generation";
import { readJson } from "../../../src/io";
import {
  mergedWeight,
  openModelDirectory,
  padBatch,
  readModelDirectory,
  T5Generator,
  writeModelDirectory,
} from "../../../src/models";
import { randomT5, TINY } from "../tiny";
import { float32Tensor, type HostTensor } from "../../../src/models/safetensors";
import type { TokenBatch } from "../../../src/models/tokenizer";

const fixture = "../shared/fixtures/tiny-t5";
const skip = existsSync(fixture) ? false : `${fixture} is missing`;

interface Stored {
  shape: number[];
  data: number[];
}
interface Run {
  input: string;
  model: "base" | "eos" | "lora_all";
  args: Record<string, number | boolean>;
  sequences: number[][];
  sequences_scores?: number[];
}
interface LoraCase {
  lora: { r: number; alpha: number };
  lora_weights: Record<string, Stored>;
}

const read = <T>(name: string) => readJson(`${fixture}/${name}`) as T;

/** The parameters of the fixture's three models. */
function parametersOf(model: Run["model"]): Map<string, HostTensor<"float32">> {
  const parameters = new Map(readModelDirectory(fixture).parameters);
  if (model === "eos") {
    const { eos_model_lm_head_row1: row } = read<{ eos_model_lm_head_row1: number[] }>("generation.json");
    const head = parameters.get("lm_head.weight")!;
    const data = head.data.slice();
    data.set(row, row.length);
    parameters.set("lm_head.weight", float32Tensor(head.shape, data));
  }
  if (model === "lora_all") {
    const { lora, lora_weights: weights } = read<LoraCase>("case_lora_all.json");
    const stored = new Map(
      Object.entries(weights).map(([name, { shape, data }]) => [
        name.replace(/^base_model\.model\./, "").replace(".default", ""),
        float32Tensor(shape, Float32Array.from(data)),
      ]),
    );
    for (const [name, a] of stored) {
      if (!name.endsWith(".lora_A.weight")) continue;
      const module = name.slice(0, -".lora_A.weight".length);
      const config = { rank: lora.r, alpha: lora.alpha, useRslora: false };
      const b = stored.get(`${module}.lora_B.weight`)!;
      parameters.set(`${module}.weight`, mergedWeight(parameters.get(`${module}.weight`)!, a, b, config));
    }
  }
  return parameters;
}

function batchOf(input: string): TokenBatch {
  const { input_ids: ids, attention_mask: mask } =
    read<Record<string, Record<string, Stored>>>("inputs.json")[input]!;
  const int32 = ({ shape, data }: Stored) =>
    ({ dtype: "int32", shape, data: Int32Array.from(data) }) as const;
  const [rows, length] = ids!.shape as [number, number];
  const lengths = Array.from({ length: rows }, (_, i) =>
    mask!.data.slice(i * length, (i + 1) * length).reduce((a, b) => a + b, 0),
  );
  return { inputIds: int32(ids!), attentionMask: int32(mask!), lengths };
}

/** Options by their names here, without those that only repeat a default. */
function optionsOf(args: Run["args"]): GenerationOptions {
  const camel = Object.entries(args).map(([name, value]) => [
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(camel) as unknown as GenerationOptions;
}

/** What transformers returns: the start token first, padded to the longest. */
function asReference(sequences: readonly { tokens: readonly number[] }[]): number[][] {
  const longest = Math.max(...sequences.map(({ tokens }) => tokens.length));
  return sequences.map(({ tokens }) => [0, ...tokens, ...Array<number>(longest - tokens.length).fill(0)]);
}

for (const model of ["base", "eos", "lora_all"] as const) {
  test(`generation equals transformers' (${model})`, { skip }, async () => {
    const generator = await T5Generator.create({
      ...readModelDirectory(fixture),
      parameters: parametersOf(model),
    });
    const runs = read<{ runs: Run[] }>("generation.json").runs.filter((run) => run.model === model);
    assert.ok(runs.length >= 9);
    for (const { input, args, sequences, sequences_scores: scores } of runs) {
      const found = await generate(generator, batchOf(input), optionsOf(args));
      const what = `${input} ${JSON.stringify(args)}`;
      assert.deepEqual(asReference(found), sequences, what);
      scores?.forEach((score, i) => assert.ok(Math.abs(found[i]!.score! - score) < 1e-5, what));
    }
    await generator.dispose();
  });
}

test("a row's tokens do not depend on the batch, on padding, or on rows that ended before", async () => {
  const model = randomT5(TINY, 4);
  const rows = [
    [3, 4, 5, 6, 7, 8, 9, 1],
    [10, 11, 1],
    [12, 13, 14, 15, 16, 1],
    [2, 1],
    [20, 21, 22, 1],
  ];
  for (const weights of ["float32", "int8"] as const) {
    const generator = await T5Generator.create(model, { weights });
    for (const options of [
      { maxNewTokens: 40 },
      { maxNewTokens: 40, numBeams: 3, numReturnSequences: 2 },
      { maxNewTokens: 40, doSample: true, topK: 4, seed: 3, numReturnSequences: 2 },
    ] satisfies GenerationOptions[]) {
      const together = await generate(generator, padBatch(rows, 0), options);
      for (const [input, row] of rows.entries()) {
        const alone = await generate(generator, padBatch([row], 0), options, [input]);
        assert.deepEqual(
          alone.map(({ tokens }) => tokens),
          together.filter((sequence) => sequence.input === input).map(({ tokens }) => tokens),
        );
      }
    }
    await generator.dispose();
  }
});

test("8-bit weights give nearly the same logits", async () => {
  const model = randomT5({ ...TINY, dModel: 64, dKv: 16, dFf: 256, vocabSize: 300 }, 5);
  const batch = padBatch([[3, 4, 5, 6, 1]], 0);
  const logits = async (weights: "float32" | "int8") => {
    const generator = await T5Generator.create(model, { weights });
    const decoder = await generator.startDecoder(batch, 1, 2);
    await decoder.nextLogits(Int32Array.of(0));
    const result = await decoder.nextLogits(Int32Array.of(7));
    await generator.dispose();
    return result;
  };
  const [exact, rounded] = [await logits("float32"), await logits("int8")];
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  const error = norm(exact.map((x, i) => x - rounded[i]!)) / norm(exact);
  assert.ok(error > 0 && error < 0.05, `relative error ${error}`);
});

test("a model that is opened generates as one that is read", async () => {
  const directory = mkdtempSync(join(tmpdir(), "generator-"));
  try {
    const model = randomT5(TINY, 6);
    for (const maxShardBytes of [2e9, 5000]) {
      writeModelDirectory(directory, model, { maxShardBytes });
      const batch = padBatch([[3, 4, 5, 1]], 0);
      const found: number[][] = [];
      for (const source of [model, openModelDirectory(directory)]) {
        const generator = await T5Generator.create(source);
        found.push([...(await generate(generator, batch, { maxNewTokens: 20 }))[0]!.tokens]);
        await generator.dispose();
      }
      assert.deepEqual(found[0], found[1]);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
