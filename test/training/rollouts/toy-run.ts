import { type Reward, type Score } from "../../../src/rewards/reward";
import { wordReward } from "../../../src/rewards/word";
import { frozenModel } from "../../../src/training/policies/frozen";
import { type LoraPolicy, loraPolicy } from "../../../src/training/policies/lora";
import { hiddenSize, withValueHead } from "../../../src/training/policies/value-head";
import { type OnlineOptions, trainOnline } from "../../../src/training/online";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import { liveGenerator } from "../../../src/training/rollouts/live";
import type { OnlineObjective } from "../../../src/training/rollouts/rollout";
import {
  onlineRollouts,
  type OnlineRolloutsOptions,
  type OnlineRolloutsParts,
} from "../../../src/training/rollouts/source";
import type { TrainingHooks } from "../../../src/training/trainer";
import type { LlamaFixture } from "../../models/llama-fixtures";

/** Ten words stand for a vocabulary, so that each is said often enough to be found. */
export const decode = (ids: readonly number[]): string => ids.map((id) => `w${id % 10}`).join(" ");

export const prompts = [
  [55, 18, 15],
  [16, 46, 70, 87, 17, 70],
  [9, 8],
].map((ids) => ({ ids, text: decode(ids) }));

/** A reward that is to make a policy say one word in each completion; its optimum is 1. */
export const wanted: Reward = wordReward("w7");

export function toyPolicy(
  fixture: Pick<LlamaFixture, "model">,
  objective: Pick<OnlineObjective, "needsValues">,
): LoraPolicy {
  const model = fixture.model();
  const policy = loraPolicy(model, {
    lora: {
      rank: 4,
      alpha: 8,
      dropout: 0,
      useRslora: false,
      targetModules: ["q_proj", "v_proj", "o_proj", "down_proj"],
      modulesToSave: [],
    },
    unfreezing: {},
    seed: 3,
    baseModel: null,
    dropout: false,
  });
  return objective.needsValues ? withValueHead(policy, hiddenSize(model)) : policy;
}

export const rolloutOptions: OnlineRolloutsOptions = {
  promptsPerIteration: 3,
  completionsPerPrompt: 4,
  maxNewTokens: 4,
  batchSize: 6,
  kl: { coefficient: 0.01 },
  seed: 5,
};

export function toyRollouts(
  fixture: Pick<LlamaFixture, "model">,
  policy: LoraPolicy,
  objective: OnlineObjective,
  parts: Partial<OnlineRolloutsParts> = {},
  options: Partial<OnlineRolloutsOptions> = {},
) {
  const model = fixture.model();
  return onlineRollouts(
    {
      policy,
      objective,
      reward: wanted,
      reference: frozenModel(model),
      generator: () => liveGenerator(model, policy),
      prompts,
      decode,
      ...parts,
    },
    { ...rolloutOptions, ...options },
  );
}

export const onlineOptions = (
  outputDirectory: string,
  change: Partial<OnlineOptions> = {},
): OnlineOptions => ({
  ...DEFAULT_TRAINING,
  outputDirectory,
  learningRate: 0.02,
  schedule: "constant",
  iterations: 30,
  epochsPerIteration: 1,
  totalSteps: 0,
  saveIterations: 1,
  ...change,
});

/** A whole run, with what came out of it. */
export async function toyRun(
  fixture: Pick<LlamaFixture, "model">,
  objective: OnlineObjective,
  options: OnlineOptions,
  given: {
    parts?: Partial<OnlineRolloutsParts>;
    rollouts?: Partial<OnlineRolloutsOptions>;
    hooks?: TrainingHooks;
  } = {},
) {
  const policy = toyPolicy(fixture, objective);
  const rollouts = toyRollouts(fixture, policy, objective, given.parts, given.rollouts);
  try {
    const result = await trainOnline({ policy, objective, rollouts }, options, given.hooks);
    const weights = [...policy.trained].map(([name, { data }]) => [name, [...data]] as const);
    return { ...result, policy, weights };
  } finally {
    await rollouts.dispose();
  }
}

/** A judge that takes its time over each case and gives what the toy's reward gives. */
export function slowJudge(milliseconds: number, onAsked: (completion: string) => void = () => {}): Reward {
  return {
    name: "judge",
    async score(cases): Promise<Score[]> {
      return Promise.all(
        cases.map(async (one) => {
          onAsked(one.completion);
          await new Promise((resolve) => setTimeout(resolve, milliseconds));
          return (await wanted.score([one]))[0]!;
        }),
      );
    },
    fingerprint: "judge",
  };
}
