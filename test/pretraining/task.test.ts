import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  DEFAULT_TRAINING,
  initT5,
  parameterShapes,
  parseT5Config,
  type PretrainingOptions,
  pretrainingDocuments,
  pretrainingTask,
  Random,
  train,
  type TrainingTask,
} from "../../src";

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

const document = (seed: number, length = 40) => {
  const random = new Random(seed);
  return { tokens: Array.from({ length }, () => 3 + random.integer(40)), turns: [0, 10, 20, 30] };
};

function tinyTask(options: Partial<PretrainingOptions> = {}): TrainingTask {
  return pretrainingTask(
    { config, parameters: initT5(config, new Random(5)) },
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

async function pretrain(task: TrainingTask, outputDirectory: string, stopAfter = Infinity) {
  const stop = new AbortController();
  const onStep = ({ step }: { step: number }) => step >= stopAfter && stop.abort();
  return train(
    task,
    { ...training, outputDirectory, evalSteps: 6 },
    { signal: stop.signal, onStep: (log) => void onStep(log) },
  );
}

test("all parameters learn, and a stopped run goes on bit for bit", async () => {
  const directory = mkdtempSync(join(tmpdir(), "pretraining-"));
  try {
    const straight = tinyTask();
    const before = new Map([...straight.trained].map(([name, { data }]) => [name, data.slice()]));
    const { log } = await pretrain(straight, join(directory, "straight"));
    assert.ok(log.at(-1)!.evalLoss! < log[5]!.evalLoss!, "the evaluation loss falls");
    for (const [name, { data }] of straight.trained) assert.notDeepEqual(data, before.get(name), name);

    const first = await pretrain(tinyTask(), join(directory, "stopped"), 5);
    assert.equal(first.stopped, "interrupted");
    const resumed = tinyTask();
    await pretrain(resumed, join(directory, "stopped"));
    for (const [name, { data }] of straight.trained)
      assert.deepEqual(resumed.trained.get(name)!.data, data, name);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("examples are a function of seed and number, and every document is met in every round", () => {
  const [a, b, c] = [tinyTask(), tinyTask(), tinyTask({ seed: 4 })];
  const ids = (task: TrainingTask, numbers: number[]) => [...task.trainBatch(numbers, 4)["inputIds"]!.data];
  assert.deepEqual(ids(a, [7, 8, 9, 10]), ids(b, [7, 8, 9, 10]));
  assert.notDeepEqual(ids(a, [7, 8, 9, 10]), ids(c, [7, 8, 9, 10]));
  assert.deepEqual(
    a.epochBatches(0, 4, 0).flat(),
    Array.from({ length: 48 }, (_, i) => i),
  );
});

test("documents are the turns with their labels, and nothing of the personas", () => {
  const encode = (text: string) => [...text].map((character) => character.codePointAt(0)!);
  const conversation = {
    personas: [["I sail."], ["I bake."]],
    turns: [
      { speaker: 1, text: "Hello there!" },
      { speaker: 2, text: "Hi." },
    ],
  };
  const tokenizer = { encode } as unknown as Parameters<typeof pretrainingDocuments>[1];
  const conversations = [conversation] as unknown as Parameters<typeof pretrainingDocuments>[0];
  const [made] = pretrainingDocuments(conversations, tokenizer);
  assert.deepEqual(made, { tokens: encode("User 1: Hello there!User 2: Hi."), turns: [0, 20] });
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
  near("encoder.block.1.layer.1.DenseReluDense.wo.weight", 128 ** -0.5);
  near("shared.weight", 64 ** -0.5);
  assert.ok(parameters.get("decoder.final_layer_norm.weight")!.data.every((x) => x === 1));
  assert.deepEqual(parameters.get("lm_head.weight")!.data, parameters.get("shared.weight")!.data);
});
