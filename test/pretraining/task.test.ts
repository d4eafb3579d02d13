import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Speaker } from "../../src/corpus/dialogue";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { parseT5Config } from "../../src/models/t5/config";
import { t5Architecture } from "../../src/models/t5/architecture";
import { initT5 } from "../../src/models/t5/init";
import { parameterShapes } from "../../src/models/t5/parameters";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { type Document, pretrainingDocuments } from "../../src/pretraining/documents";
import { type PretrainingOptions, pretraining } from "../../src/pretraining/task";
import { buildTarget } from "../../src/prompts/target";
import { Random } from "../../src/random/random";
import { DEFAULT_TRAINING } from "../../src/training/options";
import type { TrainingSpec } from "../../src/training/spec";
import { train } from "../../src/training/trainer";

const config = parseT5Config({
  vocab_size: 60,
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_layers: 2,
  num_heads: 2,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
});

const document = (seed: number, length = 40): Document => {
  const random = new Random(seed);
  const turns = [0, 10, 20, 30].map((start) => {
    const speaker: Speaker = start % 20 === 0 ? 1 : 2;
    return { start, said: start + 2, end: start + 10, speaker };
  });
  return {
    tokens: Array.from({ length }, () => 3 + random.integer(40)),
    turns,
    sentences: turns.map(({ said, end, speaker }) => ({ start: said, end, speaker })),
    personas: [
      { facts: [], instruction: [] },
      { facts: [], instruction: [] },
    ],
  };
};

function tinySpec(options: Partial<PretrainingOptions> = {}): TrainingSpec {
  return pretraining(
    { architecture: t5Architecture, config, parameters: initT5(config, new Random(5)) },
    {
      train: [1, 2, 3, 4, 5].map((seed) => document(seed)),
      validation: [document(6)],
      tokens: { sentinels: Array.from({ length: 16 }, (_, i) => 44 + i), eos: 1 },
      lengths: { input: 32, target: 32 },
      batchSize: 4,
      steps: 12,
      seed: 3,
      ...options,
    },
  );
}

const training = {
  ...DEFAULT_TRAINING,
  batchSize: 4,
  maxSteps: 12,
  learningRate: 1e-2,
  schedule: "linear",
  warmupSteps: 2,
} as const;

async function pretrain(spec: TrainingSpec, outputDirectory: string, stopAfter = Infinity) {
  const stop = new AbortController();
  const onStep = ({ step }: { step: number }) => step >= stopAfter && stop.abort();
  return train(
    spec,
    { ...training, outputDirectory, evalSteps: 6 },
    { signal: stop.signal, onStep: (log) => void onStep(log) },
  );
}

test("all parameters learn, and a stopped run goes on bit for bit", async () => {
  const directory = mkdtempSync(join(tmpdir(), "pretraining-"));
  try {
    const straight = tinySpec();
    const before = new Map([...straight.policy.trained].map(([name, { data }]) => [name, data.slice()]));
    const { log } = await pretrain(straight, join(directory, "straight"));
    assert.ok(log.at(-1)!.evalLoss! < log[5]!.evalLoss!, "the evaluation loss falls");
    for (const [name, { data }] of straight.policy.trained) assert.notDeepEqual(data, before.get(name), name);

    const first = await pretrain(tinySpec(), join(directory, "stopped"), 5);
    assert.equal(first.stopped, "interrupted");
    const resumed = tinySpec();
    await pretrain(resumed, join(directory, "stopped"));
    for (const [name, { data }] of straight.policy.trained)
      assert.deepEqual(resumed.policy.trained.get(name)!.data, data, name);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("examples are a function of seed and number, and every document is met in every round", () => {
  const [a, b, c] = [tinySpec(), tinySpec(), tinySpec({ seed: 4 })];
  const ids = ({ data }: TrainingSpec, numbers: number[]) => [...data.batch(numbers, 4)["inputIds"]!.data];
  assert.deepEqual(ids(a, [7, 8, 9, 10]), ids(b, [7, 8, 9, 10]));
  assert.notDeepEqual(ids(a, [7, 8, 9, 10]), ids(c, [7, 8, 9, 10]));
  assert.deepEqual(
    a.data.epochBatches(0, 4, 0).flat(),
    Array.from({ length: 48 }, (_, i) => i),
  );
});

test("documents are the turns with their labels, and nothing of the personas", () => {
  const words: string[] = [];
  const encode = (text: string) =>
    text
      .split(" ")
      .filter(Boolean)
      .map((word) => words.push(word) - 1);
  const conversation = {
    personas: [{ facts: ["I sail."] }, { facts: ["I bake."] }],
    turns: [
      { speaker: 1, text: "Hello there! You sail <pad> alone?  I do: always." },
      { speaker: 2, text: "No answer for you, nor anybody" },
      { speaker: 1, text: "" },
      { speaker: 2, text: "Well, good night, and sleep well." },
    ],
  };
  const conversations = [conversation] as unknown as Parameters<typeof pretrainingDocuments>[0];
  const [made] = pretrainingDocuments(conversations, { encode });
  const text = (from: number, to?: number) => words.slice(from, to).join(" ");
  assert.equal(
    text(0),
    "User 1: Hello there! You sail pad alone? I do: always. User 2: No answer for you, nor anybody " +
      "User 1: User 2: Well, good night, and sleep well.",
  );
  assert.deepEqual(
    made!.tokens,
    words.map((_, i) => i),
  );
  assert.deepEqual(
    made!.turns.map(({ start, said }) => text(start, said)),
    ["User 1:", "User 2:", "User 1:", "User 2:"],
  );
  assert.deepEqual(
    made!.sentences.map(({ start, end }) => text(start, end)),
    [
      "Hello there!",
      "You sail pad alone?",
      "I do: always.",
      "No answer for you, nor anybody",
      "Well, good night, and sleep well.",
    ],
  );
});

test("documents have the very tokens that a target has", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  for (const conversation of splits.valid) {
    const [made] = pretrainingDocuments([conversation], tokenizer);
    assert.deepEqual(made!.tokens, tokenizer.encode(buildTarget(conversation), { addEos: false }));
  }
});

test("every objective is asked for as often as another, and those named alone where some are", () => {
  const sentinel = (token: number) => token >= 44;
  const kindOf = (inputIds: readonly number[], labels: readonly number[]) => {
    if (labels.some(sentinel)) return "span corruption";
    if (inputIds.some(sentinel)) return "whole-text denoising";
    return "continuation or sentence permutation";
  };
  const count = ({ data }: TrainingSpec, examples: number) => {
    const counts: Record<string, number> = {};
    for (let n = 0; n < examples; n++) {
      const { inputIds, labels } = data.batch([n], 1);
      const kind = kindOf([...inputIds!.data].map(Number), [...labels!.data].map(Number));
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  };
  const all = count(tinySpec(), 400);
  assert.ok(Math.abs(all["span corruption"]! - 100) < 30, JSON.stringify(all));
  assert.ok(Math.abs(all["whole-text denoising"]! - 100) < 30, JSON.stringify(all));
  assert.deepEqual(count(tinySpec({ objectives: ["span corruption"] }), 20), { "span corruption": 20 });
  // Three steps of four examples.
  const begun = tinySpec({ copySteps: 3, objectives: ["span corruption"] });
  for (let n = 0; n < 16; n++) {
    const { inputIds, labels } = begun.data.batch([n], 1);
    const copies = inputIds!.data.every((id, i) => id === labels!.data[i]);
    assert.equal(copies, n < 12, `example ${n}`);
  }
});

test("first weights have the shapes and the spreads that T5 gives them", () => {
  const wide = { ...config, vocabSize: 500, dModel: 64, dKv: 16, dFf: 128 };
  const parameters = initT5(wide, new Random(1));
  assert.deepEqual(
    Object.fromEntries([...parameters].map(([name, { shape }]) => [name, shape])),
    parameterShapes(wide),
  );
  const deviation = (name: string) => {
    const { data } = parameters.get(name)!;
    return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
  };
  const near = (name: string, expected: number) =>
    assert.ok(Math.abs(deviation(name) / expected - 1) < 0.1, `${name}: ${deviation(name)}`);
  near("encoder.block.0.layer.0.SelfAttention.q.weight", (64 * 16) ** -0.5);
  near("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 64 ** -0.5);
  near("shared.weight", 64 ** -0.5);
  assert.ok(parameters.get("decoder.final_layer_norm.weight")!.data.every((x) => x === 1));
  assert.deepEqual(parameters.get("lm_head.weight")!.data, parameters.get("shared.weight")!.data);
});

test("at first a head hands on the token it looks at, and an answer looks for its like in the input", () => {
  const wide = { ...config, vocabSize: 500, dModel: 64, dKv: 16, numHeads: 6 };
  const parameters = initT5(wide, new Random(1));
  const data = (name: string) => [...parameters.get(name)!.data];
  const inner = 6 * 16;
  const transposed = (matrix: number[]) =>
    Array.from({ length: matrix.length }, (_, i) => matrix[(i % inner) * 64 + Math.floor(i / inner)]!);
  const close = (actual: number[], expected: number[], factor: number) =>
    actual.forEach((x, i) => assert.ok(Math.abs(x - factor * expected[i]!) < 1e-6));
  const own = "encoder.block.1.layer.0.SelfAttention";
  close(data(`${own}.o.weight`), transposed(data(`${own}.v.weight`)), 0.2);
  const cross = "decoder.block.1.layer.1.EncDecAttention";
  close(data(`${cross}.q.weight`), data(`${cross}.k.weight`), 1.5 / 4);

  // Bucket 16 + 1 holds the key after the query.
  const peaks = (stack: "encoder" | "decoder") =>
    data(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`).flatMap((bias, i) =>
      bias === 0 ? [] : [{ bucket: Math.floor(i / 6), head: i % 6, bias }],
    );
  const at = (buckets: number[]) => buckets.map((bucket, head) => ({ bucket, head, bias: 4 }));
  const byHead = (a: { head: number }, b: { head: number }) => a.head - b.head;
  assert.deepEqual(peaks("encoder").sort(byHead), at([1, 0, 2, 17]));
  assert.deepEqual(peaks("decoder").sort(byHead), at([1, 0, 2, 3]));
});
