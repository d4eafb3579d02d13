import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { readAdapter } from "../../../src/models/lora/adapter";
import { lengthReward } from "../../../src/rewards/length";
import { explodingKl } from "../../../src/training/alarms/exploding-kl";
import { negativeKl } from "../../../src/training/alarms/negative-kl";
import { noEnd } from "../../../src/training/alarms/no-end";
import { paidByLength } from "../../../src/training/alarms/paid-by-length";
import type { StepLog } from "../../../src/training/log";
import { rlooObjective } from "../../../src/training/objectives/rloo";
import { frozenModel } from "../../../src/training/policies/frozen";
import { llamaFixtures } from "../../models/llama-fixtures";
import { onlineOptions, toyRun } from "../rollouts/toy-run";

before(() => tf.setBackend("cpu"));
const directory = mkdtempSync(join(tmpdir(), "rollout-alarms-"));
after(() => rmSync(directory, { recursive: true }));
const skip = llamaFixtures.length === 0 && "no folder of fixtures lists Llamas";
const fixture = llamaFixtures[0]!;

type Given = Parameters<typeof toyRun>[3];

/** The alarms of a toy run by their names, in the order in which each first went off. */
async function alarmsIn(
  name: string,
  given: Given,
  change: Parameters<typeof onlineOptions>[1],
  model: Parameters<typeof toyRun>[0] = fixture,
): Promise<string[]> {
  const said: string[] = [];
  const options = onlineOptions(join(directory, name), { saveIterations: 0, ...change });
  const hooks = {
    onMessage: (message: string, event: string) => event === "alarm" && said.push(message),
  };
  await toyRun(model, rlooObjective(), options, { ...given, hooks });
  return [...new Set(said.map((message) => message.split(":")[0]!))];
}

const same = { name: "same", score: (cases: readonly unknown[]) => cases.map(() => 1), fingerprint: "same" };

test("equal rewards, cut completions and ends that never come are said by name", { skip }, async () => {
  const alarms = await alarmsIn(
    "equal",
    { parts: { reward: same }, rollouts: { maxNewTokens: 2 } },
    { iterations: 5 },
  );
  assert.deepEqual(alarms, ["equal rewards", "all completions cut", "no end sampled"]);
});

test("a healthy iteration raises no alarm", { skip }, async () => {
  assert.deepEqual(
    await alarmsIn("well", { rollouts: { maxNewTokens: 60 } }, { iterations: 2, learningRate: 1e-4 }),
    [],
  );
});

test("a generator that does not follow the training shows in a negative KL", { skip }, async () => {
  const model = fixture.model();
  const parts = { generator: () => model.architecture.createGenerator(model) };
  const change = { iterations: 8, learningRate: 0.03 };
  const alarms = await alarmsIn(
    "stale",
    { parts, rollouts: { completionsPerPrompt: 12, maxNewTokens: 12 } },
    change,
  );
  assert.ok(alarms.includes("negative KL"), alarms.join());
});

test("a policy that runs away from its reference is told", { skip }, async () => {
  const alarms = await alarmsIn(
    "away",
    { rollouts: { kl: { coefficient: 0 } } },
    { iterations: 12, learningRate: 0.1 },
  );
  assert.ok(alarms.includes("exploding KL"), alarms.join());
});

test("rewards that pay for length are told while completions grow", { skip }, async () => {
  const model = fixture.model();
  const ends = Array.from({ length: 10 }, (_, i) => i + 2);
  const shortWinded = { model: () => ({ ...model, config: { ...model.config, eosTokenIds: ends } }) };
  const alarms = await alarmsIn(
    "longer",
    {
      parts: { reward: lengthReward(40) },
      rollouts: { maxNewTokens: 40, completionsPerPrompt: 8, batchSize: 24 },
    },
    { iterations: 14, learningRate: 0.02 },
    shortWinded,
  );
  assert.ok(alarms.includes("reward rising with length"), alarms.join());
});

test(
  "a reference that is another model than the start is told at the first step, either way",
  { skip },
  async () => {
    const model = fixture.model();
    const adapter = readAdapter(join(fixture.directory, "lora_qv"), model);
    const other = frozenModel(model, { adapter });
    const name = "the reference is not what it is said to be";
    const change = { iterations: 1, learningRate: 1e-3 };
    const rollouts = { maxNewTokens: 60 };
    const alarms = (folder: string, parts: NonNullable<Given>["parts"]) =>
      alarmsIn(folder, { parts, rollouts }, change);
    assert.ok((await alarms("other", { reference: other })).includes(name));
    assert.ok(!(await alarms("said", { reference: other, startsAtReference: false })).includes(name));
    assert.ok((await alarms("false", { startsAtReference: false })).includes(name));
  },
);

/** Steps of iterations, one each, with these metrics. */
const logOf = (...metrics: Record<string, number>[]): StepLog[] =>
  metrics.map((one, i) => ({
    step: i + 1,
    epoch: i + 1,
    loss: 0,
    learningRate: 0,
    gradNorm: 0,
    tokensPerSecond: 0,
    seconds: 0,
    metrics: one,
  }));
const times = (count: number, one: Record<string, number>) => Array.from({ length: count }, () => one);

test("noise is no alarm: a KL within its errors, four iterations without an end, length without its pay", () => {
  const kl = (mean: number, error: number) => ({ "objective/kl": mean, "objective/kl_stderr": error });
  assert.equal(negativeKl.check(logOf(kl(-0.3, 0.1))), undefined);
  assert.match(negativeKl.check(logOf(kl(-0.5, 0.1)))!, /-0.500 nats a completion/);
  // Five iterations tell more than one.
  assert.match(negativeKl.check(logOf(...times(5, kl(-0.3, 0.1))))!, /-0.300/);
  assert.equal(negativeKl.check(logOf(...times(5, kl(-0.3, 0.1)), ...times(5, kl(0.1, 0.1)))), undefined);
  assert.equal(negativeKl.check(logOf(kl(-1e-6, 0))), undefined);
  assert.equal(explodingKl.check(logOf({ kl: 0.9 })), undefined);
  const cut = { "completions/clipped_ratio": 1 };
  assert.equal(noEnd.check(logOf(...times(4, cut))), undefined);
  assert.equal(noEnd.check(logOf(...times(4, cut), { "completions/clipped_ratio": 0.9 })), undefined);
  assert.ok(noEnd.check(logOf({ "completions/clipped_ratio": 0 }, ...times(5, cut))));
  const length = (mean: number, correlation: number) => ({
    "completions/mean_length": mean,
    reward_length_correlation: correlation,
  });
  const grown = (correlation: number) => [...times(5, length(10, 0.6)), ...times(5, length(13, correlation))];
  assert.ok(paidByLength.check(logOf(...grown(0.6))));
  assert.equal(paidByLength.check(logOf(...grown(0.3))), undefined);
  assert.equal(paidByLength.check(logOf(...times(10, length(10, 0.9)))), undefined);
  assert.equal(paidByLength.check(logOf(...grown(0.6).slice(1))), undefined);
});

test("an alarm reads the last step of each iteration", () => {
  const steps = logOf({ "completions/clipped_ratio": 1 }).map((row) => ({ ...row, epoch: 0.5 }));
  const four = [1, 2, 3, 4].flatMap((epoch) =>
    [0.5, 1].map((part) => ({ ...steps[0]!, epoch: epoch - 1 + part })),
  );
  assert.equal(noEnd.check(four), undefined);
  assert.ok(noEnd.check([...four, { ...steps[0]!, epoch: 4.5 }]));
});
