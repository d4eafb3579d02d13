import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Device } from "../../../src/engine/devices";
import { type DpoOptions, dpoObjective } from "../../../src/training/objectives/dpo";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import { DEFAULT_LORA } from "../../../src/models/lora/config";
import { frozenModel } from "../../../src/training/policies/frozen";
import { loraPolicy } from "../../../src/training/policies/lora";
import { referenceLogprobs } from "../../../src/training/reference/logprobs";
import { randomT5, TINY } from "../../models/tiny";
import { pairBatches } from "../../../src/training/pairs";
import { zerosLike } from "../../../src/training/policy";
import { metricMeans, TrainingPrograms } from "../../../src/training/programs";
import { evaluateSpec } from "../../../src/training/evaluate";
import { train } from "../../../src/training/trainer";
import { globalNorm } from "../../../src/training/adamw";
import { on } from "../../engine/device";
import { closeTo, matchesSummary, testEveryLlama } from "../../models/llama-fixtures";
import { dpoFixture, PREFIX } from "../dpo-fixtures";

const noPairs = { pairs: [], referenceLogprobs: new Float32Array() };
const files = ["dpo.json", "dpo.safetensors"];

/** Our options for a loss of the file, or undefined for one that is not offered. */
function optionsOf(name: string, beta: number): DpoOptions | undefined {
  const [, loss, share] = /^(robust|cdpo)_([\d.]+)$/.exec(name) ?? [];
  if (loss) return { loss: loss as "robust", beta, labelSmoothing: Number(share) };
  const weight = /^rpo_sigmoid_plus_([\d.]+)_sft$/.exec(name)?.[1];
  if (weight) return { beta, sftWeight: Number(weight) };
  const plain = (["sigmoid", "hinge", "ipo", "apo_zero"] as const).find((one) => one === name);
  return plain && { loss: plain, beta };
}

for (const device of ["cpu", "tfjs-cpu"] as Device[]) {
  testEveryLlama(
    `losses, gradients and metrics of pairs equal TRL's on ${device}`,
    files,
    (fixture) => Object.keys(dpoFixture(fixture).expected.references),
    async (fixture, name) => {
      const { expected, policy: fresh, pairs, batches, reference, scored } = dpoFixture(fixture);
      const { beta, references } = expected;
      const values = references[name]!;
      const { ref_chosen_logps: chosen = values.chosen_logps } = values;
      const { ref_rejected_logps: rejected = values.rejected_logps } = values;
      const train = await scored(reference(name), device);
      const logprobs = [...train.referenceLogprobs];
      closeTo(
        logprobs.filter((_, i) => i % 2 === 0),
        chosen,
        2e-5,
        "reference of the chosen answers",
      );
      closeTo(
        logprobs.filter((_, i) => i % 2 === 1),
        rejected,
        2e-5,
        "reference of the rejected answers",
      );
      // One row of padding more than there are pairs.
      const batch = pairBatches(train, noPairs, { ...batches, reference: name }).batch(
        [...pairs.keys()],
        pairs.length + 1,
      );
      const policy = fresh();
      let known = 0;
      for (const [lossName, { loss, grad_norm, grads = {} }] of Object.entries(values.losses)) {
        const options = optionsOf(lossName, beta);
        if (!options) continue;
        known++;
        const programs = new TrainingPrograms(policy, dpoObjective(options), on(device));
        const gradients = zerosLike(policy.trained);
        const totals = await programs.gradients(batch, { seed: 0, step: 0 }, gradients);
        await programs.dispose();
        assert.equal(totals.loss.count, pairs.length);
        closeTo([totals.loss.sum / totals.loss.count], [loss], 2e-5, `loss ${lossName}`);
        for (const { data } of gradients.values())
          data.forEach((value, i) => (data[i] = value / pairs.length));
        closeTo([globalNorm(gradients)], [grad_norm], 1e-4, `gradient norm of ${lossName}`);
        for (const [key, summary] of Object.entries(grads)) {
          const { data } = gradients.get(key.slice(PREFIX.length))!;
          matchesSummary(data, summary, 1e-4, `gradient of ${lossName} for ${key}`);
        }
        const metrics = metricMeans(totals);
        const { num_tokens: _, ...named } = values.metrics;
        for (const [key, value] of Object.entries(named)) closeTo([metrics[key]!], [value], 2e-5, key);
      }
      assert.ok(known >= 3, `${known} losses of ${Object.keys(values.losses).join(", ")}`);
    },
  );
}

testEveryLlama(
  "steps over pairs end where TRL's do",
  files,
  () => ["training"],
  async (fixture) => {
    const { expected, policy: fresh, pairs, batches, reference, scored } = dpoFixture(fixture);
    const { lr, betas, eps, weight_decay, max_grad_norm, steps, loss_after } = expected.training;
    const policy = fresh();
    const train_ = await scored(reference("adapter_off"), "cpu");
    const data = pairBatches(train_, train_, { ...batches, reference: "adapter_off" });
    const spec = { policy, objective: dpoObjective({ beta: expected.beta }), data };
    const outputDirectory = mkdtempSync(join(tmpdir(), "dpo-"));
    try {
      const { log } = await train(
        spec,
        {
          ...DEFAULT_TRAINING,
          outputDirectory,
          maxSteps: steps.length,
          batchSize: pairs.length,
          learningRate: lr,
          schedule: "constant_with_warmup",
          warmupSteps: 0,
          beta1: betas[0],
          beta2: betas[1],
          epsilon: eps,
          weightDecay: weight_decay,
          maxGradNorm: max_grad_norm,
        },
        { engine: on("cpu") },
      );
      for (const [i, { loss, grad_norm_before_clip, ...metrics }] of steps.entries()) {
        const row = log[i]!;
        closeTo([row.loss], [loss!], 2e-5, `loss of step ${i + 1}`);
        closeTo([row.gradNorm], [grad_norm_before_clip!], 1e-4, `norm of step ${i + 1}`);
        for (const [key, value] of Object.entries(metrics))
          closeTo([row.metrics![key]!], [value], 5e-5, `${key} of step ${i + 1}`);
      }
      const finals = [...fixture.tensors("dpo.safetensors")].filter(([key]) => key.startsWith("final."));
      assert.equal(finals.length, policy.trained.size);
      for (const [key, { data }] of finals)
        closeTo(policy.trained.get(key.slice(`final.${PREFIX}`.length))!.data, data, 1e-5, key);
      closeTo([await evaluateSpec(spec, pairs.length)], [loss_after], 2e-5, "loss after");
    } finally {
      rmSync(outputDirectory, { recursive: true });
    }
  },
);

test("an encoder–decoder learns pairs, too: rewards begin at 0, and margins rise", async () => {
  const base = randomT5(TINY, 7);
  const directory = mkdtempSync(join(tmpdir(), "dpo-"));
  const pairs = [4, 5, 6, 7].map((first) => ({
    promptIds: [first, 9, 1],
    chosenIds: [first, 1],
    rejectedIds: [10, first, 11, 1],
  }));
  const options = { taskType: "SEQ_2_SEQ_LM", padTokenId: TINY.padTokenId, padToMultipleOf: 4 } as const;
  try {
    const scored = await referenceLogprobs(frozenModel(base), pairs, { ...options, batchSize: 4, directory });
    const lora = { ...DEFAULT_LORA, rank: 2, alpha: 4 };
    const { log } = await train(
      {
        policy: loraPolicy(base, { lora, unfreezing: {}, seed: 1, baseModel: null, dropout: false }),
        objective: dpoObjective(),
        data: pairBatches(scored, noPairs, { ...options, reference: "base" }),
      },
      {
        ...DEFAULT_TRAINING,
        outputDirectory: directory,
        maxSteps: 12,
        batchSize: 4,
        learningRate: 0.02,
        warmupSteps: 0,
      },
    );
    closeTo([log[0]!.loss], [Math.LN2], 1e-5, "first loss");
    closeTo([log[0]!.metrics!["rewards/chosen"]!], [0], 1e-5, "first reward");
    assert.ok(log.at(-1)!.metrics!["rewards/margins"]! > 0.1, JSON.stringify(log.at(-1)!.metrics));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("options that mean nothing are refused by name", () => {
  const refused = (options: DpoOptions, message: RegExp) =>
    assert.throws(() => dpoObjective(options), message);
  refused(
    { loss: "dpo" as "sigmoid" },
    /loss must be one of sigmoid, hinge, ipo, robust, cdpo, apo_zero, not dpo/,
  );
  refused({ beta: 0 }, /beta must be above 0, not 0/);
  refused({ beta: NaN }, /beta/);
  refused({ sftWeight: -1 }, /sftWeight must be 0 or more, not -1/);
  for (const loss of ["sigmoid", "hinge", "ipo", "apo_zero"] as const)
    refused(
      { loss, labelSmoothing: 0.1 },
      new RegExp(`labelSmoothing must be 0 with the loss ${loss}, .*only robust and cdpo.*, not 0.1`),
    );
  for (const loss of ["robust", "cdpo"] as const)
    for (const labelSmoothing of [0, 0.5, -0.1, NaN])
      refused({ loss, labelSmoothing }, /labelSmoothing must be above 0 and below 0\.5/);
});

test("every option is part of the fingerprint", () => {
  const prints = [
    {},
    { loss: "ipo" },
    { beta: 0.2 },
    { sftWeight: 1 },
    { loss: "cdpo", labelSmoothing: 0.1 },
    { loss: "cdpo", labelSmoothing: 0.2 },
  ].map((options) => JSON.stringify(dpoObjective(options as DpoOptions).fingerprint));
  assert.equal(new Set(prints).size, prints.length);
});
