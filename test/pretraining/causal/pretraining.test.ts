import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { llamaArchitecture } from "../../../src/models/llama/architecture";
import { parseLlamaConfig } from "../../../src/models/llama/config";
import { initLlama } from "../../../src/models/llama/init";
import {
  causalPretraining,
  type CausalPretrainingOptions,
} from "../../../src/pretraining/causal/pretraining";
import { Random } from "../../../src/random/random";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import type { TrainingSpec } from "../../../src/training/spec";
import { train } from "../../../src/training/trainer";
import { TINY_VOCABULARY, tinyDocument, tinyTokens, tinyWords } from "../tiny-documents";

const config = parseLlamaConfig("llama", {
  vocab_size: TINY_VOCABULARY,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  pad_token_id: 0,
});

function tinySpec(options: Partial<CausalPretrainingOptions> = {}): TrainingSpec {
  const documents = [1, 2, 3, 4, 5].map((seed) => tinyDocument(seed));
  return causalPretraining(
    { architecture: llamaArchitecture, config, parameters: initLlama(config, new Random(5)) },
    {
      train: documents,
      validation: [tinyDocument(6)],
      words: tinyWords(documents),
      tokens: tinyTokens,
      rowLength: 64,
      batchSize: 2,
      seed: 3,
      ...options,
    },
  );
}

async function pretrain(spec: TrainingSpec, outputDirectory: string, stopAfter = Infinity) {
  const stop = new AbortController();
  const options = { ...DEFAULT_TRAINING, batchSize: 2, maxSteps: 12, learningRate: 1e-2, warmupSteps: 2 };
  return train(
    spec,
    { ...options, outputDirectory, evalSteps: 6 },
    { signal: stop.signal, onStep: ({ step }) => void (step >= stopAfter && stop.abort()) },
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

test("rows are a function of seed and number, each another, in whatever epoch", () => {
  const ids = ({ data }: TrainingSpec, numbers: number[]) =>
    [...data.batch(numbers, numbers.length)["inputIds"]!.data].join(" ");
  const [a, b, c] = [tinySpec(), tinySpec(), tinySpec({ seed: 4 })];
  assert.equal(ids(a, [7, 8]), ids(b, [7, 8]));
  assert.notEqual(ids(a, [7, 8]), ids(c, [7, 8]));
  assert.notEqual(ids(a, [7]), ids(a, [8]));
  // 5 documents of 40 tokens fill 2 steps of 2 rows.
  assert.deepEqual(a.data.epochBatches(0, 2, 0), [
    [0, 1],
    [2, 3],
  ]);
  assert.deepEqual(a.data.epochBatches(3, 2, 0), [
    [12, 13],
    [14, 15],
  ]);
});

test("the first steps ask for copying alone, where that is wanted", () => {
  const rows = (options: Partial<CausalPretrainingOptions>, ...numbers: number[]) =>
    tinySpec(options).data.batch(numbers, numbers.length)["labels"]!.data;
  const copies = { copySteps: 2 };
  assert.deepEqual(rows(copies, 0, 1, 2, 3), rows({ kinds: ["copying"] }, 0, 1, 2, 3));
  assert.notDeepEqual(rows(copies, 0, 1, 2, 3), rows({}, 0, 1, 2, 3));
  assert.deepEqual(rows(copies, 4, 5), rows({}, 4, 5));
});

test("rows longer than the model's positions are refused", () => {
  assert.throws(
    () => tinySpec({ rowLength: 65 }),
    /rows of 65 tokens are longer than the model's 64 positions/,
  );
});

test("the fingerprint tells other texts apart", () => {
  const print = (options?: Partial<CausalPretrainingOptions>) =>
    JSON.stringify(tinySpec(options).data.fingerprint);
  assert.equal(print(), print());
  for (const other of [
    { seed: 4 },
    { rowLength: 48 },
    { train: [tinyDocument(9)] },
    { kinds: ["copying"] as const },
    { copySteps: 1 },
  ])
    assert.notEqual(print(other), print(), JSON.stringify(Object.keys(other)));
});
