import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseT5Config } from "../../../src/models/t5/config";
import { t5Architecture } from "../../../src/models/t5/architecture";
import { initT5 } from "../../../src/models/t5/init";
import { seq2seqLengths } from "../../../src/pretraining/seq2seq/mixture";
import {
  type Seq2SeqPretrainingOptions,
  seq2seqPretraining,
} from "../../../src/pretraining/seq2seq/pretraining";
import { Random } from "../../../src/random/random";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import type { TrainingSpec } from "../../../src/training/spec";
import { train } from "../../../src/training/trainer";
import { tinyDocument, TINY_VOCABULARY, tinyTokens, tinyWords } from "../tiny-documents";

const config = parseT5Config({
  vocab_size: TINY_VOCABULARY,
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_layers: 2,
  num_heads: 2,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
});

function tinySpec(options: Partial<Seq2SeqPretrainingOptions> = {}): TrainingSpec {
  const train = [1, 2, 3, 4, 5].map((seed) => tinyDocument(seed));
  return seq2seqPretraining(
    { architecture: t5Architecture, config, parameters: initT5(config, new Random(5)) },
    {
      train,
      validation: [tinyDocument(6)],
      words: tinyWords(train),
      tokens: tinyTokens,
      batchSize: 4,
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
  // Five documents are two batches of four; the next round goes on counting.
  assert.deepEqual(a.data.epochBatches(1, 4, 0), [
    [8, 9, 10, 11],
    [12, 13, 14, 15],
  ]);
  const copies = tinySpec({ task: "copying" });
  for (const round of [0, 1]) {
    const met = Array.from({ length: 5 }, (_, i) => ids(copies, [5 * round + i]).join(" "));
    assert.equal(new Set(met).size, 5);
  }
});

test("long and short batches take turns, each with its tasks, and copies come first", () => {
  const isSentinel = (token: number) => tinyTokens.sentinels.includes(token);
  const kindOf = ({ data }: TrainingSpec, n: number) => {
    const { inputIds, labels } = data.batch([n], 1);
    const [input, target] = [[...inputIds!.data].map(Number), [...labels!.data].map(Number)];
    if (target.some(isSentinel)) return "span corruption";
    if (input.includes(tinyTokens.between)) return "owned sentences";
    if (input.some(isSentinel)) return "whole-text denoising";
    const ids = input.filter((id) => id !== config.padTokenId);
    return ids.every((id, i) => id === target[i]) ? "copy" : "continuation";
  };
  const count = (spec: TrainingSpec, numbers: readonly number[]) => {
    const counts: Record<string, number> = {};
    for (const n of numbers) counts[kindOf(spec, n)] = (counts[kindOf(spec, n)] ?? 0) + 1;
    return counts;
  };
  const numbers = (batch: number) => Array.from({ length: 4 }, (_, row) => batch * 4 + row);
  const of = (parity: number) => Array.from({ length: 60 }, (_, i) => numbers(2 * i + parity)).flat();
  const [long, short] = [count(tinySpec(), of(0)), count(tinySpec(), of(1))];
  const near = (found: number | undefined, expected: number) =>
    assert.ok(Math.abs(found! - expected) < 35, JSON.stringify([long, short]));
  near(long["span corruption"], 120);
  near(long["continuation"], 120);
  near(short["whole-text denoising"], 80);
  // One owned-sentences example in five is a copy without labels.
  near(short["owned sentences"], 128);
  near(short["copy"], 32);
  assert.deepEqual(count(tinySpec({ task: "span corruption" }), of(1).slice(0, 20)), {
    "span corruption": 20,
  });

  const begun = tinySpec({ copyBatches: 3, task: "span corruption" });
  for (let n = 0; n < 16; n++)
    assert.equal(kindOf(begun, n), n < 12 ? "copy" : "span corruption", `example ${n}`);
});

test("a batch has the lengths of its tasks, padded to few shapes", () => {
  const lengths = (n: number) => {
    const { inputIds, labels } = tinySpec().data.batch([n, n + 1, n + 2, n + 3], 4);
    return [inputIds!.shape, labels!.shape];
  };
  assert.deepEqual(lengths(4), [
    [4, seq2seqLengths.short.input],
    [4, seq2seqLengths.short.target],
  ]);
  const held = [...tinySpec().data.validationBatches(96)];
  assert.equal(held.length, 2);
});
