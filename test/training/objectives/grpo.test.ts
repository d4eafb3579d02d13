import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { type GrpoLoss, grpoLosses, grpoObjective } from "../../../src/training/objectives/grpo";
import { closeTo, matchesSummary, type Summary, testEveryLlama } from "../../models/llama-fixtures";
import { adapted, lessonBatch, measured, type RolloutsFile, rolloutsOf } from "../rollout-fixtures";

before(() => tf.setBackend("cpu"));

interface Loss {
  readonly loss: number;
  readonly grad_norm: number;
  readonly metrics: Record<string, number>;
  readonly grads?: Record<string, Summary>;
}
interface File {
  readonly logps: { old: number[][]; reference: number[][] };
  readonly grpo: {
    readonly beta: number;
    readonly epsilon: number;
    readonly advantages: Record<"group" | "batch" | "none", number[]>;
    readonly losses: Record<GrpoLoss | "dapo_beta0", Loss>;
    readonly accumulation_of_two?: Record<GrpoLoss, Pick<Loss, "loss" | "grad_norm">>;
  };
}

const PREFIX = "base_model.model.";
const near = (actual: number, expected: number, share: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= share * Math.abs(expected) + 2e-6,
    `${what}: ${actual}, not ${expected}`,
  );
const normOf = (gradients: ReadonlyMap<string, { data: Float32Array }>) =>
  Math.hypot(...[...gradients.values()].flatMap(({ data }) => [...data]));

for (const device of ["cpu", "tfjs-cpu"] as const) {
  testEveryLlama(
    `GRPO's advantages, loss, divergence, clipping and gradients equal TRL's (${device})`,
    ["rl/rollouts.json", "rl/rloo_grpo.json"],
    (fixture) =>
      Object.keys(fixture.read<Partial<File>>("rl/rloo_grpo.json").grpo?.losses ?? {}).filter((name) =>
        [...grpoLosses, "dapo_beta0"].includes(name),
      ),
    async (fixture, part) => {
      const file = fixture.read<RolloutsFile>("rl/rollouts.json");
      const { logps, grpo } = fixture.read<File>("rl/rloo_grpo.json");
      const withKl = !part.endsWith("_beta0");
      const kind = part.replace("_beta0", "") as GrpoLoss;
      const expected = grpo.losses[part as GrpoLoss];
      const limit = file.max_completion_length;
      const klCoefficient = withKl ? grpo.beta : 0;
      const rollouts = rolloutsOf(file, { logprobs: logps.old, reference: logps.reference });
      const objective = grpoObjective({ loss: kind, epsilon: grpo.epsilon, maxNewTokens: limit });
      const policy = adapted(fixture, "rl/new_policy");
      const options = device === "cpu" ? {} : { device };
      const batch = lessonBatch(objective, rollouts, { klCoefficient, limit, rows: rollouts.length + 1 });
      const { loss, totals, gradients } = await measured(policy, objective, [batch], options);
      near(loss, expected.loss, 2e-5, "loss");
      near(normOf(gradients), expected.grad_norm, 1e-4, "gradient's norm");
      for (const [name, summary] of Object.entries(expected.grads ?? {}))
        matchesSummary(gradients.get(name.slice(PREFIX.length))!.data, summary, 1e-4, name);
      const metric = (name: string) => totals.metrics[name]!.sum / totals.metrics[name]!.count;
      for (const name of ["clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean", "entropy"])
        near(metric(name), expected.metrics[name]!, 2e-5, name);
      if (withKl) near(metric("policy/kl"), expected.metrics["kl"]!, 2e-5, "kl");

      const accumulated = withKl ? grpo.accumulation_of_two?.[kind] : undefined;
      if (!accumulated) return;
      const half = rollouts.length / 2;
      const halves = [0, half].map((first) =>
        lessonBatch(
          objective,
          rollouts,
          { klCoefficient, limit, rows: half },
          Array.from({ length: half }, (_, i) => first + i),
        ),
      );
      const both = await measured(policy, objective, halves, options);
      near(both.loss, accumulated.loss, 2e-5, "loss of two batches");
      near(normOf(both.gradients), accumulated.grad_norm, 1e-4, "gradient's norm of two batches");
    },
  );
}

testEveryLlama(
  "GRPO's advantages by group, batch and without a scale equal TRL's",
  ["rl/rollouts.json", "rl/rloo_grpo.json"],
  () => ["group", "batch", "none"],
  (fixture, scale) => {
    const file = fixture.read<RolloutsFile>("rl/rollouts.json");
    const { logps, grpo } = fixture.read<File>("rl/rloo_grpo.json");
    const scaleRewards = scale as "group" | "batch" | "none";
    const { perRollout } = grpoObjective({ scaleRewards, maxNewTokens: 8 }).learnFrom(
      rolloutsOf(file, { logprobs: logps.old, reference: logps.reference }),
      grpo.beta,
    );
    closeTo(perRollout["advantages"]!, grpo.advantages[scaleRewards], 2e-5, scale);
  },
);

test("another loss or scale of GRPO is refused by name", () => {
  assert.throws(() => grpoObjective({ loss: "cispo" as GrpoLoss, maxNewTokens: 8 }), /dapo, not cispo/);
  assert.throws(() => grpoObjective({ scaleRewards: "row" as "group", maxNewTokens: 8 }), /none, not row/);
  assert.throws(() => grpoObjective({ epsilon: 0, maxNewTokens: 8 }), /epsilon/);
  assert.throws(() => grpoObjective({ temperature: 0, maxNewTokens: 8 }), /temperature/);
});
