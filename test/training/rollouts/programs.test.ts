import assert from "node:assert/strict";
import { before } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { frozenModel } from "../../../src/training/policies/frozen";
import { hiddenSize, withValueHead } from "../../../src/training/policies/value-head";
import { sampledLogprobs } from "../../../src/training/rollouts/check-sampling";
import { completionBatch } from "../../../src/training/rollouts/completion-batch";
import { liveGenerator } from "../../../src/training/rollouts/live";
import { CompletionPrograms } from "../../../src/training/rollouts/programs";
import { closeTo, testEveryLlama } from "../../models/llama-fixtures";
import { adapted, type RolloutsFile, rolloutsOf } from "../rollout-fixtures";

before(() => tf.setBackend("cpu"));

type Rows = number[][];
interface Logprobs {
  readonly logps: { old: Rows; reference: Rows };
}
interface Ppo {
  readonly runs: {
    arrangement: string;
    temperature: number;
    logprobs: Rows;
    ref_logprobs: Rows;
    values: Rows;
  }[];
}

/** A fixture's completions as one batch, with the step behind their ends, at a length of any kind. */
function batchOf(file: RolloutsFile, stepBehindEnd: boolean, inputLength: number, padTokenId: number) {
  const empty = file.responses.map(() => []);
  const rollouts = rolloutsOf(file, { logprobs: empty, reference: empty });
  const limit = file.max_completion_length;
  const shape = { taskType: "CAUSAL_LM", padTokenId, rows: rollouts.length, inputLength } as const;
  return { rollouts, batch: completionBatch(rollouts, { ...shape, steps: limit, stepBehindEnd, limit }) };
}

testEveryLlama(
  "logprobs of policy and reference equal TRL's, whatever pads the rows and however far",
  ["rl/rollouts.json", "rl/rloo_grpo.json"],
  () => ["padded little", "padded far, with the end token"],
  async (fixture, part) => {
    const file = fixture.read<RolloutsFile>("rl/rollouts.json");
    const { logps } = fixture.read<Logprobs>("rl/rloo_grpo.json");
    const far = part !== "padded little";
    const longest = Math.max(...file.prompts.map(({ length }) => length)) + file.max_completion_length;
    const padding = far ? file.eos_token_id : 0;
    const { rollouts, batch } = batchOf(file, false, far ? 2 * longest + 64 : longest, padding);
    assert.equal("tokenPositions" in batch, far, "padding is left out where it is much");
    const policy = adapted(fixture, "lora_qv");
    const programs = new CompletionPrograms(policy, frozenModel(fixture.model()), 1);
    try {
      const { logprobs } = await programs.policyOf(batch);
      const reference = await programs.referenceOf(batch);
      const width = file.max_completion_length;
      rollouts.forEach(({ completionIds: { length } }, i) => {
        const own = (values: Float32Array) => values.subarray(i * width, i * width + length);
        closeTo(own(logprobs), logps.old[i]!.slice(0, length), 1e-4, `policy ${i}`);
        closeTo(own(reference), logps.reference[i]!.slice(0, length), 1e-4, `reference ${i}`);
      });
    } finally {
      await programs.dispose();
    }
  },
);

testEveryLlama(
  "logprobs at a temperature, and values up to the step behind the end, equal TRL's",
  ["rl/rollouts.json", "rl/ppo.json", "value_head.safetensors"],
  (fixture) => (fixture.read<Ppo>("rl/ppo.json").runs[0]?.arrangement === "shared_backbone" ? ["run 0"] : []),
  async (fixture) => {
    const file = fixture.read<RolloutsFile>("rl/rollouts.json");
    const [run] = fixture.read<Ppo>("rl/ppo.json").runs as [Ppo["runs"][number]];
    const policy = withValueHead(adapted(fixture, "lora_qv"), hiddenSize(fixture.model()));
    for (const [name, { data }] of fixture.tensors("value_head.safetensors"))
      policy.trained.get(name)?.data.set(data);
    const { rollouts, batch } = batchOf(file, true, 24, 0);
    const programs = new CompletionPrograms(policy, frozenModel(fixture.model()), run.temperature);
    try {
      const { logprobs, values } = await programs.policyOf(batch);
      const width = file.max_completion_length;
      rollouts.forEach(({ completionIds: { length } }, i) => {
        const own = (numbers: Float32Array, count: number) => numbers.subarray(i * width, i * width + count);
        const steps = Math.min(width, length + 1);
        closeTo(own(logprobs, length), run.logprobs[i]!.slice(0, length), 1e-4, `policy ${i}`);
        closeTo(own(values!, steps), run.values[i]!.slice(0, steps), 1e-4, `values ${i}`);
      });
    } finally {
      await programs.dispose();
    }
  },
);

testEveryLlama(
  "the live policy samples by the logprobs that it learns from, within 1e-4, also after it moved",
  ["rl/rollouts.json"],
  () => ["1", "0.7"],
  async (fixture, part) => {
    const temperature = Number(part);
    const file = fixture.read<RolloutsFile>("rl/rollouts.json");
    const model = fixture.model();
    const policy = adapted(fixture, "lora_qv");
    const { rollouts, batch } = batchOf(file, false, 24, 0);
    const programs = new CompletionPrograms(policy, frozenModel(model), temperature);
    const generator = await liveGenerator(model, policy);
    try {
      const before: number[] = [];
      for (const factor of [1, -0.5]) {
        for (const { data } of policy.trained.values()) data.forEach((x, i) => (data[i] = factor * x));
        const { logprobs } = await programs.policyOf(batch);
        for (const [i, { promptIds, completionIds }] of rollouts.entries()) {
          const sampled = await sampledLogprobs(generator, promptIds, completionIds, temperature);
          const width = file.max_completion_length;
          const learned = logprobs.subarray(i * width, i * width + completionIds.length);
          closeTo(sampled, learned, 1e-4, `completion ${i}, weights times ${factor}`);
          if (factor === 1) before.push(...sampled);
          else
            assert.ok(
              sampled.some((x) => !before.some((y) => Math.abs(x - y) < 1e-3)),
              "the policy moved",
            );
        }
      }
    } finally {
      await Promise.all([programs.dispose(), generator.dispose()]);
    }
  },
);
