/** What the tests of the objectives of scorers share: transformers' losses and gradients, and a run that learns. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Model } from "../../../src/models/architecture";
import { readAdapter } from "../../../src/models/lora/adapter";
import { headModules } from "../../../src/models/scorer/architecture";
import type { ScorerKind } from "../../../src/models/scorer/config";
import { architectureOf } from "../../../src/models/architectures";
import type { Objective } from "../../../src/training/objective";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import { fullPolicy } from "../../../src/training/policies/full";
import { loraPolicy } from "../../../src/training/policies/lora";
import { zerosLike } from "../../../src/training/policy";
import { TrainingPrograms } from "../../../src/training/programs";
import { textBatches, type TextExample } from "../../../src/training/text-batches";
import { train } from "../../../src/training/trainer";
import { scorerExamples, scorerNames, scorerValues, waveScorer } from "../../models/scorer-fixtures";

const padding = { padTokenId: 0, padToMultipleOf: 4 };

/** Loss and gradients of all weights against transformers', with the batch filled up by rows that must not count. */
export function testAgainstTransformers(kind: ScorerKind, objective: Objective): void {
  for (const name of scorerNames)
    test(`${name}: loss and gradients are those of PyTorch`, async () => {
      const expected = scorerValues.models[name]!.cases[kind];
      const policy = fullPolicy(waveScorer(name, kind) as unknown as Model);
      const examples = scorerExamples(name, kind);
      const batch = textBatches(examples, [], padding).batch([...examples.keys()], examples.length + 2);
      const programs = new TrainingPrograms(policy, objective, {});
      const gradients = zerosLike(policy.trained);
      const { loss } = await programs.gradients(batch, { seed: 0, step: 0 }, gradients);
      await programs.dispose();
      assert.equal(loss.count, examples.length);
      const near = (actual: number, wanted: number, bar: number, what: string) =>
        assert.ok(Math.abs(actual - wanted) <= bar, `${what}: ${actual}, expected ${wanted}`);
      near(loss.sum / loss.count, expected.loss, 2e-5 * expected.loss, "loss");
      assert.deepEqual([...gradients.keys()].sort(), Object.keys(expected.gradients).sort());
      for (const [parameter, { norm, first }] of Object.entries(expected.gradients)) {
        const found = gradients.get(parameter)!.data.map((x) => x / loss.count);
        near(Math.hypot(...found), norm, 1e-4 * norm + 1e-6, parameter);
        first.forEach((x, i) => near(found[i]!, x, 1e-4 * norm + 1e-6, `${parameter} [${i}]`));
      }
    });
}

/** LoRA with the head saved whole learns `examples`, also from a checkpoint on, bit for bit. */
export function testRun(kind: ScorerKind, objective: Objective, examples: readonly TextExample[]): void {
  for (const name of scorerNames)
    test(`${name}: an adapter with its head learns, and goes on from a checkpoint to the same bits`, async () => {
      const directory = mkdtempSync(join(tmpdir(), "scorer-run-"));
      try {
        const base = waveScorer(name, kind) as unknown as Model;
        const targetModules = name === "t5" ? ["q", "v", "wo"] : ["q_proj", "v_proj", "down_proj"];
        const make = () =>
          loraPolicy(base, {
            lora: {
              rank: 2,
              alpha: 4,
              dropout: 0.1,
              useRslora: false,
              targetModules,
              modulesToSave: headModules(architectureOf(scorerValues.models[name]!.config)),
            },
            unfreezing: {},
            seed: 3,
            baseModel: null,
          });
        const run = async (outputDirectory: string, maxSteps: number) => {
          const policy = make();
          const spec = { policy, objective, data: textBatches(examples, examples, padding) };
          const options = { ...DEFAULT_TRAINING, outputDirectory, maxSteps, evalSteps: 20 };
          const { log } = await train(spec, { ...options, batchSize: 4, learningRate: 0.02, warmupSteps: 2 });
          return { policy, log };
        };
        const whole = await run(join(directory, "whole"), 40);
        const losses = whole.log.flatMap(({ evalLoss }) => evalLoss ?? []);
        assert.ok(
          losses.at(-1)! < 0.7 * whole.log[0]!.loss,
          `from ${whole.log[0]!.loss} to ${losses.at(-1)!}`,
        );
        await run(join(directory, "parts"), 20);
        const parts = await run(join(directory, "parts"), 40);
        for (const [parameter, { data }] of whole.policy.trained)
          assert.deepEqual(parts.policy.trained.get(parameter)!.data, data, parameter);
        const stored = readAdapter(join(directory, "whole", "checkpoint-40"), base);
        for (const [parameter, { data }] of whole.policy.trained)
          assert.deepEqual(stored.weights.get(parameter)!.data, data, parameter);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
}
