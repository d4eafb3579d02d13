import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { generate } from "../../src/generation/generate";
import { type LabelledBatch, labelShares } from "../../src/models/language-model";
import { mergeAdapter } from "../../src/models/lora/weights";
import { DEFAULT_LORA } from "../../src/models/lora/config";
import { padBatch } from "../../src/models/tokenizer/tokenizer";
import { causalExample, collate } from "../../src/training/batches";
import type { Objective } from "../../src/training/objective";
import { type OnlineOptions, type OnlineSpec, trainOnline } from "../../src/training/online";
import { DEFAULT_TRAINING } from "../../src/training/options";
import { type LoraPolicy, loraPolicy } from "../../src/training/policies/lora";
import { batchTensors } from "../../src/training/tensors";
import type { TrainingHooks } from "../../src/training/trainer";
import { bigrams } from "../house/toy";

const directory = mkdtempSync(join(tmpdir(), "online-"));
after(() => rmSync(directory, { recursive: true }));
before(() => tf.setBackend("cpu"));

/** REINFORCE: Σ advantage · (−log p) over the labels, the advantages being their weights. */
const reinforce: Objective = {
  measure(model, tensors) {
    const { labelWeights, ...batch } = tensors as unknown as LabelledBatch;
    const count = tf.sum(labelShares(batch)) as tf.Scalar;
    const advantages = labelShares({ ...batch, labelWeights });
    return { loss: { sum: tf.sum(tf.mul(model.labelLosses(batch), advantages)) as tf.Scalar, count } };
  },
  fingerprint: "reinforce",
};

/** A policy that is to answer 5 with an odd token: 16 answers an iteration, reward 1 for each that is. */
function oddAnswers(): OnlineSpec<LoraPolicy> {
  const model = bigrams({ vocabSize: 12, width: 8, padTokenId: 0, eosTokenId: 1 });
  const policy = loraPolicy(model, {
    lora: {
      ...DEFAULT_LORA,
      rank: 2,
      alpha: 4,
      dropout: 0,
      targetModules: ["mix"],
      modulesToSave: ["lm_head"],
    },
    unfreezing: {},
    seed: 1,
    baseModel: null,
  });
  const { architecture, config } = model;
  return {
    policy,
    objective: reinforce,
    rollouts: {
      fingerprint: "odd answers",
      async collect(iteration) {
        const parameters = mergeAdapter(model.parameters, policy.adapter());
        const generator = await architecture.createGenerator({ config, parameters });
        const answers = await generate(generator, padBatch([[5]], 0), {
          maxNewTokens: 1,
          doSample: true,
          numReturnSequences: 16,
          seed: iteration,
        });
        const rewards = answers.map(({ tokens }) => (tokens[0]! % 2 === 1 ? 1 : 0) as number);
        const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
        const examples = answers.map(({ tokens }, i) =>
          causalExample({ inputIds: [5], labels: [...tokens], labelWeights: [rewards[i]! - mean] }),
        );
        const all = examples.map((_, i) => i);
        const batch = batchTensors(collate(examples, all, { padTokenId: 0, rows: 16, padToMultipleOf: 2 }));
        return { steps: () => [[batch]], metrics: { reward: mean }, tokens: 32 };
      },
    },
  };
}

const options = (folder: string, change: Partial<OnlineOptions> = {}): OnlineOptions => ({
  ...DEFAULT_TRAINING,
  outputDirectory: join(directory, folder),
  learningRate: 0.05,
  schedule: "constant",
  iterations: 30,
  epochsPerIteration: 2,
  totalSteps: 0,
  saveIterations: 5,
  ...change,
});
const run = async (folder: string, change: Partial<OnlineOptions> = {}, hooks: TrainingHooks = {}) => {
  const spec = oddAnswers();
  const result = await trainOnline(spec, options(folder, change), hooks);
  return { ...result, weights: [...spec.policy.trained].map(([name, { data }]) => [name, [...data]]) };
};

test("a policy that acts, is scored and learns from it earns more", async () => {
  const { log, stopped, iteration } = await run("whole");
  assert.deepEqual([stopped, iteration, log.length], ["finished", 30, 60]);
  const reward = (rows: typeof log) =>
    rows.reduce((sum, { metrics }) => sum + metrics!["reward"]!, 0) / rows.length;
  assert.ok(reward(log.slice(0, 6)) < 0.75, `${reward(log.slice(0, 6))} at first`);
  assert.ok(reward(log.slice(-6)) > 0.95, `${reward(log.slice(-6))} at last`);
});

test("an online run that was stopped goes on to the same weights, bit for bit", async () => {
  const whole = await run("straight", { iterations: 8 });
  const controller = new AbortController();
  const hooks = {
    signal: controller.signal,
    onStep: ({ step }: { step: number }) => step === 7 && controller.abort(),
  };
  const cut = await run("cut", { iterations: 8 }, hooks);
  assert.deepEqual([cut.stopped, cut.iteration], ["interrupted", 4]);
  const messages: string[] = [];
  const resumed = await run("cut", { iterations: 8 }, { onMessage: (message) => messages.push(message) });
  assert.match(messages[0]!, /resumed from .*checkpoint-4/);
  assert.deepEqual(resumed.weights, whole.weights);
  const plain = (log: typeof whole.log) =>
    log.map(({ loss, gradNorm, metrics }) => ({ loss, gradNorm, metrics }));
  assert.deepEqual(plain(resumed.log), plain(whole.log));
});

test("options of an online run that mean nothing are refused by name", async () => {
  for (const [change, said] of [
    [{ iterations: 0 }, /iterations/],
    [{ epochsPerIteration: 1.5 }, /epochsPerIteration/],
    [{ schedule: "linear" }, /totalSteps/],
    [{ learningRate: -1 }, /learningRate/],
  ] as [Partial<OnlineOptions>, RegExp][])
    await assert.rejects(run("refused", change), said);
});
