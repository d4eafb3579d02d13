import { Random } from "../../../src/random/random";
import type { GenerativeModel } from "../../../src/models/generative";
import { tinySpec } from "../../training/tiny-run";
import { t5Architecture } from "../../../src/models/t5/architecture";
import type { ParameterSource } from "../../../src/models/layers/weights";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generate } from "../../../src/generation/generate";
import type { GenerationOptions } from "../../../src/generation/options";
import { openModelDirectory, readModelDirectory } from "../../../src/models/pretrained/read";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { mergeAdapter } from "../../../src/models/lora/weights";
import type { T5Config } from "../../../src/models/t5/config";
import { T5Generator } from "../../../src/models/t5/generator";
import { padBatch, type TokenBatch } from "../../../src/models/tokenizer/tokenizer";
import { float32Tensor } from "../../../src/tensors/tensor";
import { type T5Fixture, testEveryT5 } from "../t5-fixtures";
import { randomT5, TINY } from "../tiny";

interface Run {
  input: string;
  /** `base`; `eos`, whose output layer has another row for EOS; or a case's name without `case_`. */
  model: string;
  args: Record<string, number | boolean>;
  sequences: number[][];
  sequences_scores?: number[];
}
interface Runs {
  runs: Run[];
  eos_model_lm_head_row1?: number[];
}

const readRuns = (fixture: T5Fixture) => fixture.read<Runs>("generation.json");

/** The parameters of one of the fixture's models; adapters are merged. */
function parametersOf(fixture: T5Fixture, model: string): ParameterSource {
  const parameters = fixture.base();
  if (model === "eos") {
    const row = readRuns(fixture).eos_model_lm_head_row1!;
    const name = fixture.config().tieWordEmbeddings ? "shared.weight" : "lm_head.weight";
    const head = parameters.get(name)!;
    const data = head.data.slice();
    data.set(row, row.length * fixture.config().eosTokenId);
    parameters.set(name, float32Tensor(head.shape, data));
  } else if (model !== "base") {
    const { lora, parameters: all } = fixture.case(`case_${model}`);
    const weights = new Map([...all].filter(([name]) => !parameters.has(name)));
    return mergeAdapter(parameters, { config: lora!, weights, unfrozen: new Map() });
  }
  return parameters;
}

function batchOf(fixture: T5Fixture, input: string): TokenBatch {
  const { inputIds, attentionMask } = fixture.batch(input);
  const [rows, length] = inputIds.shape as [number, number];
  const lengths = Array.from({ length: rows }, (_, i) =>
    attentionMask.data.slice(i * length, (i + 1) * length).reduce((a, b) => a + b, 0),
  );
  return { inputIds, attentionMask, lengths };
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
function asReference(sequences: readonly { tokens: readonly number[] }[], config: T5Config): number[][] {
  const longest = Math.max(...sequences.map(({ tokens }) => tokens.length));
  return sequences.map(({ tokens }) => [
    config.decoderStartTokenId,
    ...tokens,
    ...Array<number>(longest - tokens.length).fill(config.padTokenId),
  ]);
}

/** After a row's EOS newer releases repeat it where older ones pad; both mean padding. */
function padded(sequences: readonly number[][], { eosTokenId, padTokenId }: T5Config): number[][] {
  return sequences.map((row) => {
    const end = row.indexOf(eosTokenId, 1);
    return row.map((token, i) => (end >= 0 && i > end && token === eosTokenId ? padTokenId : token));
  });
}

testEveryT5(
  "generation equals transformers'",
  ["inputs.json", "generation.json"],
  (fixture) => [...new Set(readRuns(fixture).runs.map(({ model }) => model))],
  async (fixture, model) => {
    const config = fixture.config();
    const checkpoint = { ...readModelDirectory(fixture.directory), parameters: parametersOf(fixture, model) };
    const generator = await checkpoint.architecture.createGenerator(checkpoint);
    for (const run of readRuns(fixture).runs.filter((run) => run.model === model)) {
      const found = await generate(generator, batchOf(fixture, run.input), optionsOf(run.args));
      const what = `${run.input} ${JSON.stringify(run.args)}`;
      assert.deepEqual(asReference(found, config), padded(run.sequences, config), what);
      run.sequences_scores?.forEach((score, i) => assert.ok(Math.abs(found[i]!.score! - score) < 1e-5, what));
    }
    await generator.dispose();
  },
);

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
        const generator = await t5Architecture.createGenerator(source as typeof model);
        found.push([...(await generate(generator, batch, { maxNewTokens: 20 }))[0]!.tokens]);
        await generator.dispose();
      }
      assert.deepEqual(found[0], found[1]);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("scores that are not finite are an error, whatever chooses and however weights are kept", async () => {
  for (const [name, value] of [
    ["lm_head.weight", NaN],
    ["lm_head.weight", 3e38],
    ["decoder.final_layer_norm.weight", Infinity],
  ] as const) {
    const model = randomT5(TINY, 1);
    model.parameters.get(name)!.data.fill(value, 0, 8);
    for (const weights of ["float32", "int8"] as const) {
      const generator = await T5Generator.create(model, { weights });
      for (const options of [{}, { noRepeatNgramSize: 2 }, { numBeams: 2 }, { doSample: true }]) {
        await assert.rejects(
          generate(generator, padBatch([[3, 4, 1]], 0), { maxNewTokens: 5, ...options }),
          /scores for the next token are not finite/,
          `${name} ${value} ${weights} ${JSON.stringify(options)}`,
        );
      }
      await generator.dispose();
    }
  }
});

test("a live adapter is read at every step: what is trained is heard at once", async () => {
  const model = randomT5(TINY, 6);
  const { policy } = tinySpec({ base: model });
  const adapter = policy.adapter();
  const live = await T5Generator.create(model, {
    adapter: { scaling: adapter.config, weights: policy.trained },
  });
  const batch = padBatch([[3, 4, 5, 1]], 0);
  const answer = async (generator: GenerativeModel) => {
    const decoder = await generator.startDecoder(batch, 1, 4);
    const logits = [];
    for (const token of [0, 7, 8]) logits.push(...(await decoder.nextLogits(Int32Array.of(token))));
    decoder.dispose();
    return logits;
  };
  const before = await answer(live);
  for (const seed of [1, 2]) {
    const random = new Random(seed);
    for (const { data } of policy.trained.values())
      data.forEach((_, i) => (data[i]! += 0.2 * random.normal()));
    const merged = await T5Generator.create({
      config: model.config,
      parameters: mergeAdapter(model.parameters, policy.adapter()),
    });
    const [heard, expected] = [await answer(live), await answer(merged)];
    await merged.dispose();
    heard.forEach((value, i) =>
      assert.ok(Math.abs(value - expected[i]!) < 1e-4 * (1 + Math.abs(expected[i]!))),
    );
    assert.notDeepEqual(heard, before);
  }
  await live.dispose();
});
