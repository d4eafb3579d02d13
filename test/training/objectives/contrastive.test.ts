import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import type { Model } from "../../../src/models/architecture";
import type { LanguageModel } from "../../../src/models/language-model";
import { readAdapter } from "../../../src/models/lora/adapter";
import { textEncoder } from "../../../src/models/scorer/encoder";
import { contrastiveObjective } from "../../../src/training/objectives/contrastive";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import { loraPolicy } from "../../../src/training/policies/lora";
import { textBatches } from "../../../src/training/text-batches";
import { train } from "../../../src/training/trainer";
import { randomT5, TINY } from "../../models/tiny";

const folder = mkdtempSync(join(tmpdir(), "contrastive-"));
after(() => rmSync(folder, { recursive: true }));

/** The loss of given vectors [2 pairs, 2]. */
function lossOf(rows: number[][], labels: number[], temperature: number) {
  const model = { vectors: () => tf.tensor2d(rows) } as unknown as LanguageModel;
  const batch = { labels: tf.tensor1d(labels, "int32") };
  const { loss, metrics } = contrastiveObjective(temperature).measure(model, batch, true);
  return [loss.sum, loss.count, metrics!["accuracy"]!.sum].map((value) => value.dataSync()[0]!);
}

test("the loss is InfoNCE both ways; pairs of one label and padding are no negatives", () => {
  const [a, b] = [
    [1, 0],
    [0, 1],
  ];
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 1e-5, `${actual}, expected ${expected}`);
  // Two pairs, each with the other's texts orthogonal: softmax of (1 / τ, 0).
  const apart = lossOf([a, a, b, b], [0, 1], 0.5);
  near(apart[0]!, 2 * Math.log(1 + Math.exp(-2)));
  assert.deepEqual(apart.slice(1), [2, 2]);
  // The wrong way round, all is wrong.
  const crossed = lossOf([a, b, b, a], [0, 1], 0.5);
  near(crossed[0]!, 2 * Math.log(1 + Math.exp(2)));
  assert.deepEqual(crossed.slice(1), [2, 0]);
  near(lossOf([a, b, b, a], [4, 4], 0.5)[0]!, 0);
  const padded = lossOf([a, a, b, b, a, a], [0, 1, -100], 0.5);
  near(padded[0]!, apart[0]!);
  assert.equal(padded[1], 2);
  // Not symmetric: u finds v among (1, .6), v finds u among (1, .8).
  const [u2, v2] = [
    [0.8, 0.6],
    [0.6, 0.8],
  ];
  const ce = (right: number, wrong: number) => Math.log(1 + Math.exp(wrong - right));
  const expected = (ce(1, 0.6) + ce(1, 0.8) + ce(0.96, 0.8) + ce(0.96, 0.6)) / 2;
  near(lossOf([a, a, u2, v2], [0, 1], 1)[0]!, expected);
});

test("a temperature that is no number above 0, and a model without vectors, are refused", () => {
  assert.throws(() => contrastiveObjective(0), /temperature must be above 0, not 0/);
  assert.throws(() => contrastiveObjective(NaN), /not NaN/);
  assert.throws(() => contrastiveObjective().measure({} as LanguageModel, {}, true), /textEncoder\(model\)/);
});

test("an adapter of the encoder alone learns which texts belong together, and is read back", async () => {
  const model = textEncoder(randomT5(TINY, 5) as unknown as Model);
  const policy = loraPolicy(model, {
    lora: {
      rank: 4,
      alpha: 8,
      dropout: 0,
      useRslora: false,
      targetModules: ["q", "v", "wo"],
      modulesToSave: [],
    },
    unfreezing: {},
    seed: 3,
    baseModel: null,
  });
  assert.ok([...policy.trained.keys()].every((name) => name.startsWith("encoder.")));
  const pairs = Array.from({ length: 8 }, (_, i) => ({
    texts: [
      [3 + i, 20, 1],
      [12 + i, 21, 1],
    ],
    label: i,
  }));
  const { log } = await train(
    {
      policy,
      objective: contrastiveObjective(0.1),
      data: textBatches(pairs, [], { padTokenId: 0, padToMultipleOf: 4 }),
    },
    {
      ...DEFAULT_TRAINING,
      outputDirectory: folder,
      maxSteps: 40,
      batchSize: 8,
      learningRate: 0.02,
      warmupSteps: 2,
      evalSteps: 0,
    },
  );
  const [first, last] = [log[0]!, log.at(-1)!];
  assert.ok(last.loss < 0.7 * first.loss, `from ${first.loss} to ${last.loss}`);
  const stored = readAdapter(join(folder, "checkpoint-40"), model);
  for (const [name, { data }] of policy.trained) assert.deepEqual(stored.weights.get(name)!.data, data, name);
});
