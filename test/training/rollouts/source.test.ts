import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import type { Reward } from "../../../src/rewards/reward";
import type { Rollouts } from "../../../src/training/online";
import { grpoObjective } from "../../../src/training/objectives/grpo";
import { ppoObjective } from "../../../src/training/objectives/ppo";
import { rlooObjective } from "../../../src/training/objectives/rloo";
import { loraPolicy } from "../../../src/training/policies/lora";
import { frozenModel } from "../../../src/training/policies/frozen";
import { liveGenerator } from "../../../src/training/rollouts/live";
import { promptsOf } from "../../../src/training/rollouts/prompts";
import type { OnlineRolloutsOptions, OnlineRolloutsParts } from "../../../src/training/rollouts/source";
import { hiddenSize, withValueHead } from "../../../src/training/policies/value-head";
import { llamaFixtures } from "../../models/llama-fixtures";
import { randomT5, TINY } from "../../models/tiny";
import { measured } from "../rollout-fixtures";
import { slowJudge, toyPolicy, toyRollouts } from "./toy-run";

before(() => tf.setBackend("cpu"));
const skip = llamaFixtures.length === 0 && "no folder of fixtures lists Llamas";
const fixture = llamaFixtures[0]!;

type Parts = Partial<OnlineRolloutsParts>;
type Options = Partial<OnlineRolloutsOptions>;

/** What a source collects in iterations from 0 on, a policy being changed in between. */
async function collected(
  given: {
    parts?: Parts;
    options?: Options;
    objective?: OnlineRolloutsParts["objective"];
    iterations?: number;
  } = {},
  between: (policy: ReturnType<typeof toyPolicy>) => void = () => {},
): Promise<Rollouts[]> {
  const { objective = rlooObjective(), iterations = 1 } = given;
  const policy = toyPolicy(fixture, objective);
  const source = toyRollouts(fixture, policy, objective, given.parts, given.options);
  const all: Rollouts[] = [];
  try {
    for (let iteration = 0; iteration < iterations; iteration++) {
      all.push(await source.collect(iteration));
      between(policy);
    }
  } finally {
    await source.dispose();
  }
  return all;
}

const plain = (rollouts: Rollouts) => ({
  metrics: rollouts.metrics,
  tokens: rollouts.tokens,
  steps: rollouts
    .steps(0)
    .map((batches) =>
      batches.map((batch) => Object.entries(batch).map(([name, { data }]) => [name, [...data]])),
    ),
});
const scores = (...values: ReturnType<Reward["score"]>[]): Reward => {
  const queue = values.flat();
  return {
    name: "listed",
    score: (cases) => cases.map(() => queue.shift() as number),
    fingerprint: "listed",
  };
};

test("rollouts are a function of policy, seed and iteration", { skip }, async () => {
  const [first] = await collected();
  const [again, second] = await collected({ iterations: 2 });
  assert.deepEqual(plain(again!), plain(first!));
  assert.notDeepEqual(plain(second!), plain(first!));
  const [other] = await collected({ options: { seed: 6 } });
  assert.notDeepEqual(plain(other!), plain(first!));
});

test("the policy that samples follows the training: one generator, other answers", { skip }, async () => {
  let made = 0;
  const objective = rlooObjective();
  const policy = toyPolicy(fixture, objective);
  const source = toyRollouts(fixture, policy, objective, {
    generator: () => {
      made++;
      return liveGenerator(fixture.model(), policy);
    },
  });
  try {
    const first = plain(await source.collect(0));
    const b = [...policy.trained].filter(([name]) => name.endsWith("lora_B.weight"));
    for (const [, { data }] of b) data.fill(0.3);
    const moved = plain(await source.collect(0));
    assert.notDeepEqual(moved, first);
    assert.ok(moved.metrics["objective/kl"] !== 0 && first.metrics["objective/kl"]! < 1e-4);
    for (const [, { data }] of b) data.fill(0);
    assert.deepEqual(plain(await source.collect(0)), first);
    assert.equal(made, 1);
  } finally {
    await source.dispose();
  }
});

test("draws of a prompt do not depend on how many others it gets", { skip }, async () => {
  const drawn = async (completionsPerPrompt: number) => {
    const asked: string[] = [];
    await collected({
      parts: { reward: { ...slowJudge(0, (completion) => asked.push(completion)) } },
      options: { completionsPerPrompt, promptsPerIteration: 2 },
    });
    return asked;
  };
  const [two, three] = [await drawn(2), await drawn(3)];
  assert.deepEqual([...two], [...three.slice(0, 2), ...three.slice(3, 5)]);
});

test(
  "what cannot be scored is left out, and with it who has nobody to be compared with",
  { skip },
  async () => {
    const none = { unscorable: "no idea" };
    const reward = () => scores([1, 2, none, 4], [none, none, none, 7], [0, 0, 0, 0]);
    const [rloo] = await collected({ parts: { reward: reward() }, options: { batchSize: 12 } });
    const mask = (rollouts: Rollouts) => rollouts.steps(0)[0]![0]!["completionMask"]!;
    const rows = (rollouts: Rollouts) => {
      const { shape, data } = mask(rollouts);
      const steps = shape[1]!;
      return Array.from({ length: shape[0]! }, (_, row) => data[row * steps]).filter((there) => there === 1)
        .length;
    };
    assert.equal(rows(rloo!), 7);
    assert.ok(Math.abs(rloo!.metrics["unscorable"]! - 4 / 12) < 1e-12);
    assert.ok(Math.abs(rloo!.metrics["reward"]! - 14 / 8) < 1e-12);
    assert.equal(rloo!.metrics["frac_reward_zero_std"], 1 / 2);
    const [ppo] = await collected({
      objective: ppoObjective(),
      parts: { reward: reward() },
      options: { batchSize: 12 },
    });
    assert.equal(rows(ppo!), 8);

    // Scores of 0 in place of the missing ones would give other advantages.
    const zeros = scores([1, 2, 0, 4], [0, 0, 0, 7], [0, 0, 0, 0]);
    const [wrong] = await collected({ parts: { reward: zeros }, options: { batchSize: 12 } });
    assert.notDeepEqual(wrong!.steps(0)[0]![0]!["advantages"], rloo!.steps(0)[0]![0]!["advantages"]);
    await assert.rejects(
      collected({ parts: { reward: scores(Array.from({ length: 12 }, () => none)) } }),
      /listed scored 0 of 12 completions.*no idea/,
    );
  },
);

test("a judge is asked, and may answer, while further prompts are answered", { skip }, async () => {
  const events: string[] = [];
  const objective = rlooObjective();
  const policy = toyPolicy(fixture, objective);
  const judge = slowJudge(0);
  const source = toyRollouts(
    fixture,
    policy,
    objective,
    {
      reward: {
        ...judge,
        async score(cases) {
          events.push("asked");
          const answer = await judge.score(cases);
          events.push("answered");
          return answer;
        },
      },
      generator: async () => {
        const generator = await liveGenerator(fixture.model(), policy);
        const startDecoder = generator.startDecoder.bind(generator);
        generator.startDecoder = (...given) => {
          if (events.length < 8) events.push("generates");
          return startDecoder(...given);
        };
        return generator;
      },
    },
    { promptsPerIteration: 8, maxNewTokens: 8 },
  );
  try {
    await source.collect(0);
  } finally {
    await source.dispose();
  }
  assert.deepEqual(events.slice(0, 5), ["generates", "asked", "generates", "answered", "asked"]);
});

test("a completion that did not end pays for it", { skip }, async () => {
  const reward = () => scores(Array.from({ length: 12 }, () => 1));
  const paid = async (missingEosPenalty: number) => {
    const [rollouts] = await collected({
      objective: ppoObjective(),
      parts: { reward: reward() },
      options: { missingEosPenalty, maxNewTokens: 40 },
    });
    return rollouts!.metrics;
  };
  const [free, fined] = [await paid(0), await paid(0.5)];
  const cut = fined["completions/clipped_ratio"]!;
  assert.ok(cut > 0 && cut < 1, `${cut} of the completions are cut`);
  assert.equal(free["objective/scores"], 1);
  assert.ok(Math.abs(fined["objective/scores"]! - (1 - 0.5 * cut)) < 1e-9);
  assert.equal(fined["reward"], 1);
  assert.ok(Math.abs(fined["val/num_eos_tokens"]! - 12 * (1 - cut)) < 1e-9);
});

test("a KL target moves the coefficient, and the state carries it on", { skip }, async () => {
  const kl = { coefficient: 0.1, target: 1, horizon: 12 };
  const objective = rlooObjective();
  const policy = toyPolicy(fixture, objective);
  const source = toyRollouts(fixture, policy, objective, {}, { kl });
  try {
    // The policy is its reference at first, so that the coefficient may fall by a fifth.
    assert.equal((await source.collect(0)).metrics["kl_coefficient"], 0.1);
    assert.ok(Math.abs((source.state!.get() as number) - 0.08) < 1e-9);
    source.state!.set(0.5);
    assert.equal((await source.collect(1)).metrics["kl_coefficient"], 0.5);
    assert.throws(() => source.state!.set(undefined), /no KL coefficient/);
  } finally {
    await source.dispose();
  }
});

test("epochs go over all rollouts in orders of their own, cut into steps and batches", { skip }, async () => {
  const [rollouts] = await collected({ options: { stepsPerEpoch: 2, batchSize: 4 } });
  const order = (epoch: number) =>
    rollouts!.steps(epoch).map((batches) =>
      batches.map(({ inputIds, completionMask }) => {
        const [rows, length] = inputIds!.shape as [number, number];
        const steps = completionMask!.shape[1]!;
        return Array.from({ length: rows }, (_, row) =>
          completionMask!.data[row * steps]
            ? [...inputIds!.data.slice(row * length, (row + 1) * length)].join()
            : "padding",
        );
      }),
    );
  const [one, two] = [order(0), order(1)];
  assert.deepEqual(
    one.map((step) => step.map((batch) => batch.length)),
    [
      [4, 4],
      [4, 4],
    ],
  );
  assert.equal(one.flat(2).filter((row) => row === "padding").length, 4);
  assert.notDeepEqual(one, two);
  assert.deepEqual(one.flat(2).sort(), two.flat(2).sort());
  assert.deepEqual(order(0), one);
});

test("an encoder–decoder acts and learns by the same logprobs, with values", async () => {
  const model = randomT5({ ...TINY, vocabSize: 101 }, 3);
  const objective = ppoObjective({ temperature: 0.8 });
  const lora = {
    rank: 2,
    alpha: 4,
    dropout: 0,
    useRslora: false,
    targetModules: ["q", "v"],
    modulesToSave: [],
  };
  const adapted = loraPolicy(model, { lora, unfreezing: {}, seed: 0, baseModel: null, dropout: false });
  for (const { data } of adapted.trained.values()) data.forEach((_, i) => (data[i] = 0.1 * Math.sin(i)));
  const policy = withValueHead(adapted, hiddenSize(model));
  policy.trained.get("v_head.summary.bias")!.data[0] = 0.5;
  const source = toyRollouts(
    fixture,
    policy,
    objective,
    { reference: frozenModel(model), generator: () => liveGenerator(model, policy) },
    { maxNewTokens: 12, batchSize: 12 },
  );
  try {
    // It would refuse to go on if the logprobs of sampling and learning differed.
    const rollouts = await source.collect(0);
    assert.ok(rollouts.metrics["objective/kl_stderr"]! > 0);
    const { totals } = await measured(policy, objective, rollouts.steps(0)[0]!);
    const ratio = totals.metrics["val/ratio"]!;
    assert.ok(Math.abs(ratio.sum / ratio.count - 1) < 1e-4, "nothing has moved yet");
    assert.ok(totals.metrics["policy/approxkl_avg"]!.sum < 1e-6);
  } finally {
    await source.dispose();
  }
});

test("a policy that learns over another base than it samples from is refused", { skip }, async () => {
  const model = fixture.model();
  const lora = {
    rank: 2,
    alpha: 4,
    dropout: 0,
    useRslora: false,
    targetModules: ["q_proj"],
    modulesToSave: [],
  };
  const policy = loraPolicy(model, {
    lora,
    unfreezing: {},
    seed: 0,
    baseModel: null,
    dropout: false,
    frozenWeights: "nf4",
  });
  const source = toyRollouts(fixture, policy, rlooObjective(), { reference: frozenModel(model) });
  try {
    await assert.rejects(source.collect(0), /samples is not the one that learns.*nf4/s);
  } finally {
    await source.dispose();
  }
});

test("prompts come one after the other, each epoch in an order of its own", () => {
  const taken = (iterations: number) =>
    Array.from({ length: iterations }, (_, iteration) => promptsOf(iteration, 5, 3, 1)).flat();
  const all = taken(10);
  for (let epoch = 0; epoch < 6; epoch++)
    assert.deepEqual(all.slice(5 * epoch, 5 * epoch + 5).sort(), [0, 1, 2, 3, 4]);
  assert.notDeepEqual(all.slice(0, 5), all.slice(5, 10));
  assert.deepEqual(promptsOf(7, 5, 3, 1), all.slice(21, 24));
  assert.equal(promptsOf(0, 2, 5, 1).length, 5);
});

test("options of rollouts that mean nothing are refused by name", { skip }, () => {
  const refused = (options: Options, said: RegExp, parts: Parts = {}, objective = rlooObjective()) => {
    const policy = toyPolicy(fixture, objective);
    assert.throws(() => toyRollouts(fixture, policy, objective, parts, options), said);
  };
  refused({ completionsPerPrompt: 1 }, /completionsPerPrompt must be a whole number from 2/);
  refused({ completionsPerPrompt: 1 }, /from 2/, {}, grpoObjective({ maxNewTokens: 4 }));
  refused({ promptsPerIteration: 0 }, /promptsPerIteration/);
  refused({ maxNewTokens: 1.5 }, /maxNewTokens/);
  refused({ batchSize: 0 }, /batchSize/);
  refused({ stepsPerEpoch: 13 }, /stepsPerEpoch is 13, but an iteration has 12/);
  refused({ missingEosPenalty: -1 }, /missingEosPenalty/);
  refused({ kl: { coefficient: -1 } }, /kl coefficient/);
  refused({ kl: { coefficient: 0, target: 6 } }, /target needs a coefficient/);
  refused({ kl: { coefficient: 1, horizon: 6 } }, /horizon has an effect with a target/);
  refused({ kl: { coefficient: 1, target: NaN } }, /kl target/);
  const lora = {
    rank: 2,
    alpha: 4,
    dropout: 0,
    useRslora: false,
    targetModules: ["q_proj"],
    modulesToSave: [],
  };
  const dropping = loraPolicy(fixture.model(), { lora, unfreezing: {}, seed: 0, baseModel: null });
  refused({}, /must not drop out.*dropout: false/, { policy: dropping });
  refused({}, /no prompts/, { prompts: [] });
  refused({}, /prompt 2 has no tokens/, {
    prompts: [
      { ids: [1], text: "" },
      { ids: [], text: "" },
    ],
  });
});
