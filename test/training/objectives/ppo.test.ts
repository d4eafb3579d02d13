import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { gae } from "../../../src/training/advantages/gae";
import { klOfTokens } from "../../../src/training/advantages/kl";
import { ppoObjective } from "../../../src/training/objectives/ppo";
import { hiddenSize, withValueHead } from "../../../src/training/policies/value-head";
import { closeTo, matchesSummary, type Summary, testEveryLlama } from "../../models/llama-fixtures";
import { adapted, lessonBatch, measured, type RolloutsFile, rolloutsOf } from "../rollout-fixtures";

before(() => tf.setBackend("cpu"));

type Rows = number[][];
interface Run {
  readonly arrangement: string;
  readonly gamma: number;
  readonly lam: number;
  readonly kl_estimator: "k1" | "k3";
  readonly kl_coef: number;
  readonly whiten_rewards: boolean;
  readonly missing_eos_penalty: number | null;
  readonly cliprange: number;
  readonly cliprange_value: number;
  readonly vf_coef: number;
  readonly temperature: number;
  readonly scores_after_penalty: number[];
  readonly padding_mask: Rows;
  readonly padding_mask_p1: Rows;
  readonly logprobs: Rows;
  readonly ref_logprobs: Rows;
  readonly values: Rows;
  readonly kl: Rows;
  readonly rewards: Rows;
  readonly advantages: Rows;
  readonly returns: Rows;
  readonly update: Record<
    "pg_loss" | "vf_loss" | "loss" | "pg_clipfrac" | "vf_clipfrac" | "approxkl",
    number
  > & {
    readonly entropy: Rows;
    readonly vpred: Rows;
    readonly grads_loss: { grad_norm: number; grads?: Record<string, Summary> };
    readonly grads_pg_loss: { grad_norm: number; grads?: Record<string, Summary> };
    readonly grads_vf_loss: { grad_norm: number; grads?: Record<string, Summary> };
  };
}

const PREFIX = "base_model.model.";
const near = (actual: number, expected: number, share: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= share * Math.abs(expected) + 2e-6,
    `${what}: ${actual}, not ${expected}`,
  );
const files = ["rl/rollouts.json", "rl/ppo.json", "value_head.safetensors"];
/** A run's number and how its values were made. */
const runs = (fixture: { read<T>(name: string): T }) => fixture.read<{ runs: Run[] }>("rl/ppo.json").runs;
const label = ({ arrangement, kl_estimator }: Run, i: number) => `${i} ${arrangement}, ${kl_estimator}`;

function objectiveOf(run: Run, valueCoefficient = run.vf_coef) {
  return ppoObjective({
    gamma: run.gamma,
    lambda: run.lam,
    klEstimator: run.kl_estimator,
    whitenRewards: run.whiten_rewards,
    epsilon: run.cliprange,
    valueEpsilon: run.cliprange_value,
    valueCoefficient,
    temperature: run.temperature,
  });
}

/** The rollouts of a run, with the penalty on those that did not end taken off by the rule of the file. */
function rolloutsOfRun(file: RolloutsFile, run: Run) {
  const scores = file.scores.map((score, i) =>
    file.responses[i]!.at(-1) === file.eos_token_id ? score : score - (run.missing_eos_penalty ?? 0),
  );
  closeTo(scores, run.scores_after_penalty, 2e-5, "scores after the penalty");
  return rolloutsOf(file, {
    scores,
    logprobs: run.logprobs,
    reference: run.ref_logprobs,
    values: run.values,
  });
}

testEveryLlama(
  "PPO's KL, returns and whitened advantages equal TRL's",
  files,
  (fixture) => runs(fixture).map(label),
  (fixture, part) => {
    const file = fixture.read<RolloutsFile>("rl/rollouts.json");
    const run = runs(fixture)[Number(part.split(" ")[0])]!;
    const rollouts = rolloutsOfRun(file, run);
    const { perStep } = objectiveOf(run).learnFrom(rollouts, run.kl_coef);
    rollouts.forEach(({ logprobs, referenceLogprobs, completionIds }, i) => {
      const tokens = (rows: Rows) => rows[i]!.slice(0, completionIds.length);
      const steps = (rows: Rows) => rows[i]!.filter((_, t) => !run.padding_mask_p1[i]![t]);
      closeTo(klOfTokens(run.kl_estimator, logprobs, referenceLogprobs), tokens(run.kl), 2e-5, `kl ${i}`);
      closeTo(perStep["advantages"]![i]!, tokens(run.advantages), 1e-4, `advantages ${i}`);
      closeTo(perStep["returns"]![i]!, steps(run.returns), 2e-5, `returns ${i}`);
      // With λ = 0 and without values an estimate is the reward itself.
      const rewards = objectiveOf({ ...run, lam: 0, gamma: 0 }).learnFrom(
        rollouts.map((rollout) => ({ ...rollout, values: Array.from(rollout.values!, () => 0) })),
        run.kl_coef,
      ).perStep["returns"]![i]!;
      closeTo(rewards, steps(run.rewards), 2e-5, `rewards ${i}`);
    });
  },
);

for (const device of ["cpu", "tfjs-cpu"] as const) {
  testEveryLlama(
    `PPO's losses, clipping and gradients of one update equal TRL's (${device})`,
    files,
    (fixture) =>
      runs(fixture).flatMap((run, i) => (run.arrangement === "shared_backbone" ? [label(run, i)] : [])),
    async (fixture, part) => {
      const file = fixture.read<RolloutsFile>("rl/rollouts.json");
      const run = runs(fixture)[Number(part.split(" ")[0])]!;
      const limit = file.max_completion_length;
      const rollouts = rolloutsOfRun(file, run);
      const policy = withValueHead(adapted(fixture, "rl/new_policy"), hiddenSize(fixture.model()));
      for (const [name, { data }] of fixture.tensors("value_head.safetensors"))
        if (name.startsWith("moved.")) policy.trained.get(name.slice("moved.".length))!.data.set(data);
      const { update } = run;
      const options = device === "cpu" ? {} : { device };
      const shape = { klCoefficient: run.kl_coef, limit, rows: rollouts.length + 1 };
      const whole = objectiveOf(run);
      const { loss, totals, gradients } = await measured(
        policy,
        whole,
        [lessonBatch(whole, rollouts, shape)],
        options,
      );
      const metric = (name: string) => totals.metrics[name]!.sum / totals.metrics[name]!.count;
      near(loss, update.loss, 2e-5, "loss");
      near(metric("loss/policy_avg"), update.pg_loss, 2e-5, "policy loss");
      near(metric("loss/value_avg"), update.vf_loss, 2e-5, "value loss");
      near(metric("policy/clipfrac_avg"), update.pg_clipfrac, 2e-5, "clip fraction");
      near(metric("val/clipfrac_avg"), update.vf_clipfrac, 2e-5, "clip fraction of values");
      // Theirs is over padding too.
      const cells = run.padding_mask.flat().length;
      near(totals.metrics["policy/approxkl_avg"]!.sum / cells, update.approxkl, 1e-4, "approxkl");
      const entropies = update.entropy.flatMap((row, i) => row.filter((_, t) => !run.padding_mask[i]![t]));
      near(metric("entropy"), entropies.reduce((a, b) => a + b) / entropies.length, 2e-5, "entropy");

      const { grad_norm, grads } = update.grads_loss;
      near(
        Math.hypot(...[...gradients.values()].flatMap(({ data }) => [...data])),
        grad_norm,
        1e-4,
        "gradient",
      );
      for (const [name, summary] of Object.entries(grads ?? {}))
        matchesSummary(gradients.get(name.replace(PREFIX, ""))!.data, summary, 1e-4, name);

      // The policy's part alone, and by the difference that of the values.
      const alone = objectiveOf(run, 0);
      const policyPart = await measured(policy, alone, [lessonBatch(alone, rollouts, shape)], options);
      for (const [name, summary] of Object.entries(update.grads_pg_loss.grads ?? {}))
        matchesSummary(policyPart.gradients.get(name.replace(PREFIX, ""))!.data, summary, 1e-4, name);
      const valuePart = (name: string) =>
        gradients.get(name)!.data.map((x, i) => (x - policyPart.gradients.get(name)!.data[i]!) / run.vf_coef);
      for (const [name, summary] of Object.entries(update.grads_vf_loss.grads ?? {}))
        matchesSummary(valuePart(name.replace(PREFIX, "")), summary, 1e-3, `${name} of the values`);
    },
  );
}

test("generalised advantages are those of a worked example", () => {
  const advantages = gae([-0.1, 0.02, 0.98], [0.5, 0.4, 0.6], { gamma: 1, lambda: 0.95 });
  closeTo(advantages, [0.35195, 0.581, 0.38], 1e-12, "advantages");
});

test("PPO without a value head, and options that mean nothing, are refused by name", () => {
  assert.throws(() => ppoObjective({ lambda: 1.1 }), /lambda must be from 0 to 1/);
  assert.throws(() => ppoObjective({ valueEpsilon: 0 }), /valueEpsilon/);
  assert.throws(() => ppoObjective({ valueCoefficient: -1 }), /valueCoefficient/);
  const model = { labelPredictions: () => assert.fail() } as never;
  assert.throws(() => ppoObjective().measure(model, {}, true), /value head.*withValueHead/);
});
