import assert from "node:assert/strict";
import { before } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { rlooObjective } from "../../../src/training/objectives/rloo";
import { closeTo, matchesSummary, type Summary, testEveryLlama } from "../../models/llama-fixtures";
import { adapted, lessonBatch, measured, type RolloutsFile, rolloutsOf } from "../rollout-fixtures";

before(() => tf.setBackend("cpu"));

interface Expected {
  readonly loss: number;
  readonly grad_norm: number;
  readonly advantages: number[];
  readonly metrics: Record<string, number>;
  readonly grads: Record<string, Summary>;
}
interface File {
  readonly logps: { old: number[][]; reference: number[][]; new: number[][]; entropy_new: number[][] };
  readonly rloo: Expected & {
    readonly beta: number;
    readonly epsilon: number;
    readonly advantages_normalized: number[];
    readonly beta0: Expected;
  };
}

const PREFIX = "base_model.model.";
const near = (actual: number, expected: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= 2e-5 * Math.abs(expected) + 2e-6,
    `${what}: ${actual}, not ${expected}`,
  );

for (const device of ["cpu", "tfjs-cpu"] as const) {
  testEveryLlama(
    `RLOO's advantages, loss, clipping and gradients equal TRL's (${device})`,
    ["rl/rollouts.json", "rl/rloo_grpo.json"],
    (fixture) => (fixture.read<Partial<File>>("rl/rloo_grpo.json").rloo ? ["rloo", "beta0"] : []),
    async (fixture, part) => {
      const file = fixture.read<RolloutsFile>("rl/rollouts.json");
      const { logps, rloo } = fixture.read<File>("rl/rloo_grpo.json");
      const expected = part === "rloo" ? rloo : rloo.beta0;
      const klCoefficient = part === "rloo" ? rloo.beta : 0;
      const rollouts = rolloutsOf(file, { logprobs: logps.old, reference: logps.reference });
      const objective = rlooObjective({ epsilon: rloo.epsilon });
      const { perRollout } = objective.learnFrom(rollouts, klCoefficient);
      closeTo(perRollout["advantages"]!, expected.advantages, 2e-5, "advantages");
      if (part === "rloo") {
        const normalised = rlooObjective({ normalizeAdvantages: true }).learnFrom(rollouts, klCoefficient);
        closeTo(normalised.perRollout["advantages"]!, rloo.advantages_normalized, 2e-5, "normalised");
      }

      const policy = adapted(fixture, "rl/new_policy");
      const limit = file.max_completion_length;
      // A row of padding changes nothing.
      const batch = lessonBatch(objective, rollouts, { klCoefficient, limit, rows: rollouts.length + 1 });
      const options = device === "cpu" ? {} : { device };
      const { loss, totals, gradients } = await measured(policy, objective, [batch], options);
      near(loss, expected.loss, "loss");
      for (const name of ["low_mean", "high_mean", "region_mean"]) {
        const { sum, count } = totals.metrics[`clip_ratio/${name}`]!;
        near(sum / count, expected.metrics[`clip_ratio/${name}`]!, name);
      }
      const entropy = totals.metrics["entropy"]!;
      near(entropy.sum / entropy.count, expected.metrics["entropy"]!, "entropy");
      const norm = Math.hypot(...[...gradients.values()].flatMap(({ data }) => [...data]));
      assert.ok(
        Math.abs(norm / expected.grad_norm - 1) < 1e-4,
        `gradient's norm ${norm}, not ${expected.grad_norm}`,
      );
      for (const [name, summary] of Object.entries(expected.grads))
        matchesSummary(gradients.get(name.slice(PREFIX.length))!.data, summary, 1e-4, name);

      // Cut into batches of three, the mean is still over all completions.
      const cut = [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7],
      ].map((indices) => lessonBatch(objective, rollouts, { klCoefficient, limit, rows: 3 }, indices));
      near((await measured(policy, objective, cut, options)).loss, expected.loss, "loss of three batches");
    },
  );
}
