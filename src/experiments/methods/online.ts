import { z } from "zod";
import type { JsonValue } from "../../io";
import { JsonlError, readRows, type TrainingRows } from "../../corpus";
import { namedReward, namedRewardSchema, namedRewardsHelp, type Reward } from "../../rewards";
import { sections, type ValuesOf } from "../../settings";
import {
  DEFAULT_TRAINING,
  encodePrompts,
  type FrozenModel,
  hiddenSize,
  inLine,
  lines,
  liveGenerator,
  type LoraPolicy,
  namedReference,
  type OnlineObjective,
  type OnlineOptions,
  onlineRollouts,
  openReference,
  optimizerFingerprint,
  referenceSchema,
  trainOnline,
  TrainingPrograms,
  withValueHead,
} from "../../training";
import type { MethodRun, Surroundings } from "./method";
import { openPolicy, type PolicyConfig, startAdapter, tokenizerFor, type TrainingModel } from "./model";
import { modelParts, modelSections } from "./parts";

/** Parts of methods that learn from what the policy does. */
export const onlineParts = {
  ...modelParts,
  data: z.string().min(1).describe('the JSONL file with the prompts to answer, a {"prompt": …} a line'),
  rewards: z
    .array(namedRewardSchema)
    .min(1)
    .describe(
      `what a completion earns: the sum of these, each with its weight (1 unless given): ${namedRewardsHelp}`,
    ),
  reference: referenceSchema
    .optional()
    .describe(
      'what the policy is held to: {"kind": "base"}, the model without an adapter; {"kind": "adapter", "directory": …}; or {"kind": "model", ' +
        '"directory": …}. Base where nothing is said; with adapter it must be said',
    ),
  saveIterations: z
    .int()
    .nonnegative()
    .default(10)
    .describe("iterations between checkpoints; 0 saves when stopped alone"),
};

/** Settings of these methods. */
export const onlineSections = [...modelSections, sections.rollouts] as const;

/** Values that settings have in these methods. */
export const onlineDefaults = {
  schedule: "constant",
  warmupSteps: 0,
  trainHead: false,
  loraDropout: 0,
  maxLength: 512,
} as const;

/** What tells how any of these methods goes. */
export const onlineWatched = ["reward", "kl", "completions/mean_length", "entropy"] as const;

/** A configuration to begin with, of any of these methods. */
export const onlineExample: Readonly<Record<string, JsonValue>> = {
  model: "HuggingFaceTB/SmolLM2-135M-Instruct",
  data: "prompts.jsonl",
  rewards: [
    { reward: "word", word: "garden", weight: 1 },
    { reward: "length", tokens: 30, weight: 0.5 },
  ],
  output: "outputs/gardener",
  iterations: 50,
  maxNewTokens: 32,
  learningRate: 1e-4,
};

/** What of a configuration decides how a policy acts and learns. */
export type OnlineConfig = ValuesOf<typeof sections.rollouts.settings> &
  PolicyConfig & { readonly maxLength: number } & {
    readonly [Name in keyof typeof onlineParts]: z.output<(typeof onlineParts)[Name]>;
  };

/** A run of a method that learns from what the policy does, by an objective. */
export async function onlineRun(
  config: OnlineConfig,
  {
    model,
    openModel,
    openRewardModel,
    rewards: given = {},
  }: Surroundings & { readonly model: TrainingModel },
  objective: OnlineObjective,
): Promise<MethodRun> {
  const { adapter, seed, frozenWeights, maxLength, maxNewTokens, iterations, epochsPerIteration } = config;
  if (config.loraDropout !== 0)
    throw new Error(
      `loraDropout: is ${config.loraDropout}, but a policy that drops out is another one than acted: leave it out`,
    );
  const { architecture, config: modelConfig } = model.checkpoint;
  const { taskType } = architecture;
  const start = adapter === undefined ? undefined : startAdapter(adapter, model);
  const named = namedReference(config.reference, start);
  const rows = readRows(config.data, ["prompt"]);
  const reward = await namedReward(config.rewards, {
    directory: config.output,
    openModel,
    openRewardModel,
    given,
  });
  const unscored = lackingRows(reward, rows);
  const { tokenizer, notes } = await tokenizerFor(model, rows);
  const room = taskType === "CAUSAL_LM" ? maxLength - maxNewTokens : maxLength;
  const { prompts, leftOut } = encodePrompts(rows, { tokenizer, taskType, maxLength: room });
  const lora = openPolicy(model, config, { dropout: false });
  const policy = objective.needsValues ? withValueHead(lora, hiddenSize(model.checkpoint)) : lora;
  const reference = await openReference(named, model.checkpoint, {
    ...(start && { start }),
    frozenWeights,
    tokenizer: model.tokenizer,
  });
  const { batchSize, promptsPerIteration, completionsPerPrompt, stepsPerEpoch, klCoefficient, klTarget } =
    config;
  const rollouts = onlineRollouts(
    {
      ...{ policy, objective, reward, prompts },
      reference: named.kind === "model" ? reference.model : sharing(reference.model, policy),
      startsAtReference: reference.startsThere,
      generator: () => liveGenerator(model.checkpoint, policy),
      decode: (ids) => tokenizer.decode(ids),
    },
    {
      ...{ promptsPerIteration, completionsPerPrompt, maxNewTokens, batchSize, stepsPerEpoch, seed },
      kl: { coefficient: klCoefficient, ...(klTarget > 0 && { target: klTarget }) },
      missingEosPenalty: config.missingEosPenalty,
    },
  );
  const steps = iterations * epochsPerIteration * stepsPerEpoch;
  const options: Omit<OnlineOptions, "outputDirectory"> = {
    ...DEFAULT_TRAINING,
    ...{ learningRate: config.learningRate, warmupSteps: config.warmupSteps, schedule: config.schedule },
    ...{ iterations, epochsPerIteration, totalSteps: steps, saveIterations: config.saveIterations },
    ...{ seed, saveTotalLimit: 1 },
  };
  const { learningRate, schedule } = config;
  return {
    policy,
    tokenizer,
    steps,
    notes: [
      ...notes,
      `${config.data}: ${prompts.length} prompts; an iteration answers ${promptsPerIteration} of them ${completionsPerPrompt} times each`,
      ...(leftOut.length > 0
        ? [
            `${leftOut.length} prompts are longer than ${room} tokens and left out: lines ${leftOut.join(", ")}`,
          ]
        : []),
      `the reward is ${reward.name}`,
      ...(unscored.length > 0
        ? [
            `${unscored.length} prompts lack what it looks at, and their completions are left out: ${lines(unscored)}`,
          ]
        : []),
      reference.words,
    ],
    fingerprint: {
      ...{ policy: policy.fingerprint, objective: objective.fingerprint, rollouts: rollouts.fingerprint },
      optimizer: optimizerFingerprint(options, [...policy.trained.keys()]),
      ...{ iterations, epochsPerIteration, learningRate, schedule },
    },
    stepBytes: () =>
      new TrainingPrograms(policy, objective, {}).stepBytes(
        rollouts.largestBatch({ taskType, padTokenId: modelConfig.padTokenId }),
      ),
    async train(outputDirectory, hooks) {
      const { stopped, log } = await trainOnline(
        { policy, objective, rollouts },
        { ...options, outputDirectory },
        hooks,
      );
      return { stopped, step: log.at(-1)?.step ?? 0, log };
    },
    dispose: () => rollouts.dispose(),
  };
}

/**
 * The lines of prompts that a reward cannot score.
 *
 * @throws {JsonlError} if it can score none, or a row says it in another form
 */
function lackingRows(reward: Reward, { rows, path }: TrainingRows<"prompt">): number[] {
  const lacking = rows.flatMap(({ line, meta }) => {
    const missing = inLine(path, line, () => reward.lacks?.({ ...(meta && { meta }) }));
    return missing === undefined ? [] : [{ line, missing }];
  });
  if (lacking.length === rows.length)
    throw new JsonlError(path, lacking[0]!.line, `${reward.name}: ${lacking[0]!.missing}`);
  return lacking.map(({ line }) => line);
}

/** A frozen model over the base of a policy, of which no second copy is kept. */
function sharing(model: FrozenModel, policy: LoraPolicy): FrozenModel {
  const own = [...model.parameters].map(
    ([name, tensor]) => [name, policy.frozen.get(name) ?? tensor] as const,
  );
  return { ...model, parameters: new Map(own) };
}
