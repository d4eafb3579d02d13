import { mean, sampleCorrelation } from "simple-statistics";
import type { CompileOptions } from "../../engine";
import { generateSteps } from "../../generation";
import { sha256 } from "../../io";
import { type GenerativeModel, padBatch } from "../../models";
import { Random } from "../../random";
import { isScored, type Reward, type RewardCase, type Score, scoreCases } from "../../rewards";
import { deviation, groupIndices } from "../advantages/groups";
import { referenceApart } from "../alarms/reference-apart";
import { rolloutAlarms } from "../alarms/rollouts";
import { checkKlOptions, type KlOptions, nextKlCoefficient } from "../advantages/kl-control";
import { klOfTokens } from "../advantages/kl";
import type { BatchTensors } from "../data";
import type { Rollouts, RolloutSource } from "../online";
import type { FrozenModel } from "../policies/frozen";
import type { Policy } from "../policy";
import { eventLoopTurn } from "../turn";
import { checkSampling } from "./check-sampling";
import { completionBatch, type CompletionShape, stepsOf } from "./completion-batch";
import { lessonBatch } from "./lesson-batch";
import { CompletionPrograms } from "./programs";
import { type PromptRow, promptsOf } from "./prompts";
import type { Completion, OnlineObjective, Rollout } from "./rollout";

/** Lengths are rounded up to a multiple of this: few shapes, each of which is compiled once. */
const PAD_TO_MULTIPLE_OF = 8;
/** Completions that are generated together; the reward is asked for these while others are generated. */
const GENERATED_TOGETHER = 16;

export interface OnlineRolloutsOptions {
  /** Prompts that an iteration takes. */
  readonly promptsPerIteration: number;
  /** k: completions of each. */
  readonly completionsPerPrompt: number;
  /** The most tokens of a completion, the one that ends it included. */
  readonly maxNewTokens: number;
  /** Completions that go through the model together in learning. */
  readonly batchSize: number;
  /**
   * Optimizer steps of an epoch over an iteration's rollouts, each over as many of them.
   * @default 1
   */
  readonly stepsPerEpoch?: number;
  /** How the policy is held to the reference. */
  readonly kl: KlOptions;
  /**
   * What is taken off the score of a completion that did not end by itself.
   * @default 0
   */
  readonly missingEosPenalty?: number;
  /** Decides which prompts an iteration takes, what is drawn for them, and the order of an epoch. */
  readonly seed: number;
}

export interface OnlineRolloutsParts {
  readonly policy: Policy;
  readonly objective: OnlineObjective;
  readonly reward: Reward;
  /** What the policy is held to. */
  readonly reference: FrozenModel;
  /**
   * Whether the policy starts as its reference; an alarm says so where it does not.
   * @default true
   */
  readonly startsAtReference?: boolean;
  /** The policy as it is at each moment, ready to generate; see `liveGenerator`. Asked for once. */
  readonly generator: () => Promise<GenerativeModel>;
  readonly prompts: readonly PromptRow[];
  /** The text of a completion, without control tokens. */
  readonly decode: (ids: readonly number[]) => string;
  readonly engine?: CompileOptions;
}

/** Rollouts of a live policy; free its programs when the training is over. */
export interface OnlineRollouts extends RolloutSource {
  /** A batch of the largest shape, whose numbers mean nothing, to tell what a step takes. */
  largestBatch(model: Pick<GenerativeModel, "taskType" | "padTokenId">): BatchTensors;
  dispose(): Promise<void>;
}

/**
 * Rollouts by the policy itself: it answers some prompts `completionsPerPrompt` times each by pure sampling, a reward scores the
 * answers while further ones are generated, policy and reference say how likely each token was, and the objective makes
 * advantages of it all. What is drawn depends on the seed, the iteration and the place of prompt and completion in it. A completion
 * that cannot be scored is left out, as is one whose prompt has too few others for the objective.
 *
 * @throws {RangeError} if an option means nothing, by its name
 */
export function onlineRollouts(parts: OnlineRolloutsParts, options: OnlineRolloutsOptions): OnlineRollouts {
  checkOptions(parts, options);
  return new LiveRollouts(parts, options);
}

/** A completion of an iteration, and which prompt of it. */
type Sampled = Completion & { readonly group: number };

class LiveRollouts implements OnlineRollouts {
  readonly fingerprint: unknown;
  readonly state;
  readonly alarms;
  private readonly programs: CompletionPrograms;
  private generating: Promise<GenerativeModel> | undefined;
  private klCoefficient: number;
  private isSamplingChecked = false;

  constructor(
    private readonly parts: OnlineRolloutsParts,
    private readonly options: OnlineRolloutsOptions,
  ) {
    const { policy, reference, objective, engine, reward, prompts } = parts;
    this.programs = new CompletionPrograms(policy, reference, objective.temperature, engine);
    this.klCoefficient = options.kl.coefficient;
    this.alarms = [...rolloutAlarms, referenceApart(parts.startsAtReference ?? true)];
    this.fingerprint = {
      options,
      prompts: sha256(JSON.stringify(prompts)),
      reward: reward.fingerprint,
      reference: reference.fingerprint,
    };
    this.state = {
      get: () => this.klCoefficient,
      set: (value: unknown) => {
        if (typeof value !== "number") throw new Error("a checkpoint of rollouts has no KL coefficient");
        this.klCoefficient = value;
      },
    };
  }

  async collect(iteration: number): Promise<Rollouts> {
    const { objective } = this.parts;
    const generator = await (this.generating ??= this.parts.generator());
    const { sampled, scores: asked } = await this.sample(generator, iteration);
    const shape = this.shapeOf(generator, sampled);
    const judged = await this.judge(sampled, shape, generator);
    const scores = await asked;
    const rollouts = this.usable(judged, scores);
    const lesson = objective.learnFrom(rollouts, this.klCoefficient);
    const kl = klMetrics(rollouts);
    const metrics = {
      ...scoreMetrics(sampled, scores),
      ...lengthMetrics(sampled),
      ...kl,
      kl_coefficient: this.klCoefficient,
      ...lesson.metrics,
    };
    const batches = { rollouts, lesson, shape, klCoefficient: this.klCoefficient };
    this.klCoefficient = nextKlCoefficient(
      this.klCoefficient,
      kl["objective/kl"],
      rollouts.length,
      this.options.kl,
    );
    return {
      steps: (epoch) =>
        this.cut(rollouts.length, iteration, epoch).map((step) =>
          step.map((indices) => lessonBatch(batches, indices)),
        ),
      metrics,
      tokens: rollouts.reduce(
        (sum, { promptIds, completionIds }) => sum + promptIds.length + completionIds.length,
        0,
      ),
    };
  }

  largestBatch(model: Pick<GenerativeModel, "taskType" | "padTokenId">): BatchTensors {
    const { prompts, objective } = this.parts;
    const { maxNewTokens, batchSize } = this.options;
    const longest = prompts.reduce((a, b) => (b.ids.length > a.ids.length ? b : a));
    const zeros = new Array<number>(maxNewTokens).fill(0);
    const rollouts = Array.from({ length: Math.max(batchSize, objective.leastInGroup) }, () => ({
      ...{ group: 0, score: 0, ended: false, promptIds: longest.ids, completionIds: zeros },
      ...{ logprobs: zeros, referenceLogprobs: zeros, values: zeros },
    }));
    const lesson = objective.learnFrom(rollouts, 0);
    const indices = [...Array(batchSize).keys()];
    return lessonBatch({ rollouts, lesson, shape: this.shapeOf(model, rollouts), klCoefficient: 0 }, indices);
  }

  async dispose(): Promise<void> {
    await Promise.all([this.programs.dispose(), this.generating?.then((generator) => generator.dispose())]);
    this.generating = undefined;
  }

  /** Lets the policy answer, and asks the reward for each part of the answers as soon as it is there. */
  private async sample(
    generator: GenerativeModel,
    iteration: number,
  ): Promise<{ sampled: Sampled[]; scores: Promise<readonly Score[]> }> {
    const { prompts, objective } = this.parts;
    const { promptsPerIteration, completionsPerPrompt, maxNewTokens, seed } = this.options;
    const chosen = promptsOf(iteration, prompts.length, promptsPerIteration, seed).map((i) => prompts[i]!);
    const options = {
      maxNewTokens,
      doSample: true,
      temperature: objective.temperature,
      numReturnSequences: completionsPerPrompt,
      seed: new Random(seed).fork(iteration).uint32(),
    };
    const together = Math.max(1, Math.floor(GENERATED_TOGETHER / completionsPerPrompt));
    const sampled: Sampled[] = [];
    const scores: Promise<readonly Score[]>[] = [];
    for (let first = 0; first < chosen.length; first += together) {
      const asked = chosen.slice(first, first + together);
      const batch = padBatch(
        asked.map(({ ids }) => ids),
        generator.padTokenId,
      );
      const numbers = asked.map((_, i) => first + i);
      const steps = generateSteps(generator, batch, options, numbers);
      let next = await steps.next();
      for (; !next.done; next = await steps.next()) await eventLoopTurn();
      const answers = next.value.map(({ input, tokens }): Sampled => ({
        group: first + input,
        promptIds: asked[input]!.ids,
        completionIds: tokens,
        ended: generator.stopTokenIds.includes(tokens.at(-1)!),
      }));
      sampled.push(...answers);
      const cases = answers.map((answer) => this.caseOf(answer, chosen[answer.group]!));
      const scored = scoreCases(this.parts.reward, cases);
      scored.catch(() => undefined); // heard where all are awaited
      scores.push(scored);
    }
    const all = Promise.all(scores).then((parts) => parts.flat());
    all.catch(() => undefined);
    return { sampled, scores: all };
  }

  private caseOf({ completionIds, ended }: Completion, { text, about }: PromptRow): RewardCase {
    const completion = this.parts.decode(completionIds);
    return { prompt: text, completion, tokens: completionIds.length, ended, ...(about && { about }) };
  }

  /** One shape for all batches of an iteration. */
  private shapeOf(
    { taskType, padTokenId }: Pick<GenerativeModel, "taskType" | "padTokenId">,
    sampled: readonly Completion[],
  ): CompletionShape {
    const { objective } = this.parts;
    const { batchSize, maxNewTokens } = this.options;
    const way = { stepBehindEnd: objective.needsValues, limit: maxNewTokens };
    const roundUp = (length: number) => Math.ceil(length / PAD_TO_MULTIPLE_OF) * PAD_TO_MULTIPLE_OF;
    const longest = (of: (completion: Completion) => number) => roundUp(Math.max(...sampled.map(of)));
    const isCausal = taskType === "CAUSAL_LM";
    return {
      ...way,
      taskType,
      padTokenId,
      rows: batchSize,
      inputLength: longest((one) => one.promptIds.length + (isCausal ? stepsOf(one, way) : 0)),
      steps: longest((one) => stepsOf(one, way)),
    };
  }

  /** What policy and reference make of each completion. */
  private async judge(
    sampled: readonly Sampled[],
    shape: CompletionShape,
    generator: GenerativeModel,
  ): Promise<Omit<Rollout, "score">[]> {
    const judged: Omit<Rollout, "score">[] = [];
    for (let first = 0; first < sampled.length; first += shape.rows) {
      const own = sampled.slice(first, first + shape.rows);
      const batch = completionBatch(own, shape);
      const { logprobs, values } = await this.programs.policyOf(batch);
      await eventLoopTurn();
      const reference = await this.programs.referenceOf(batch);
      await eventLoopTurn();
      own.forEach((completion, row) => {
        const of = (numbers: Float32Array, count: number) =>
          numbers.slice(row * shape.steps, row * shape.steps + count);
        const { length } = completion.completionIds;
        judged.push({
          ...completion,
          logprobs: of(logprobs, length),
          referenceLogprobs: of(reference, length),
          ...(values && { values: of(values, stepsOf(completion, shape)) }),
        });
      });
    }
    if (!this.isSamplingChecked) await checkSampling(generator, judged[0]!, this.parts.objective.temperature);
    this.isSamplingChecked = true;
    return judged;
  }

  /** The rollouts that can be learned from, with their scores. */
  private usable(judged: readonly Omit<Rollout, "score">[], scores: readonly Score[]): Rollout[] {
    const { leastInGroup } = this.parts.objective;
    const { missingEosPenalty = 0 } = this.options;
    const scored = judged.flatMap((one, i): Rollout[] => {
      const score = scores[i]!;
      return isScored(score) ? [{ ...one, score: one.ended ? score : score - missingEosPenalty }] : [];
    });
    const rollouts = groupIndices(scored.map(({ group }) => group))
      .filter(({ length }) => length >= leastInGroup)
      .flatMap((indices) => indices.map((i) => scored[i]!));
    if (rollouts.length > 0) return rollouts;
    const why = scores.find((score) => !isScored(score)) as { unscorable: string };
    throw new Error(
      `the reward ${this.parts.reward.name} scored ${scored.length} of ${judged.length} completions of an iteration, too few to learn ` +
        `from; the first was unscorable because: ${why.unscorable}`,
    );
  }

  /** Which rollouts go into each batch of each step of an epoch. */
  private cut(count: number, iteration: number, epoch: number): number[][][] {
    const { stepsPerEpoch = 1, batchSize, seed } = this.options;
    const order = new Random(seed)
      .fork(iteration)
      .fork(1 + epoch)
      .shuffle([...Array(count).keys()]);
    const perStep = Math.ceil(count / stepsPerEpoch);
    return chunks(order, perStep).map((step) => chunks(step, batchSize));
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

function scoreMetrics(sampled: readonly Sampled[], scores: readonly Score[]) {
  const scored = sampled.flatMap((one, i) => {
    const score = scores[i]!;
    return isScored(score) ? [{ score, group: one.group, length: one.completionIds.length }] : [];
  });
  const rewards = scored.map(({ score }) => score);
  const ofPrompts = groupIndices(scored.map(({ group }) => group)).filter(({ length }) => length > 1);
  // Where each prompt has one completion only, those of all prompts are compared.
  const groups = ofPrompts.length > 0 ? ofPrompts : [[...rewards.keys()]];
  const equal = groups.filter((group) => group.every((i) => rewards[i] === rewards[group[0]!]));
  const lengths = scored.map(({ length }) => length);
  const varies = deviation(rewards) > 0 && deviation(lengths) > 0;
  return {
    reward: mean(rewards),
    reward_std: deviation(rewards),
    frac_reward_zero_std: equal.length / groups.length,
    unscorable: 1 - scored.length / sampled.length,
    reward_length_correlation: varies ? sampleCorrelation(rewards, lengths) : 0,
  };
}

function lengthMetrics(sampled: readonly Completion[]) {
  const lengths = sampled.map(({ completionIds }) => completionIds.length);
  const ended = sampled.filter(({ ended }) => ended).map(({ completionIds }) => completionIds.length);
  return {
    "completions/mean_length": mean(lengths),
    "completions/min_length": Math.min(...lengths),
    "completions/max_length": Math.max(...lengths),
    "completions/clipped_ratio": 1 - ended.length / lengths.length,
    ...(ended.length > 0 && { "completions/mean_terminated_length": mean(ended) }),
  };
}

/** Divergences from the reference: a token (k1 and k3) and, with its standard error, a completion; and the policy's surprise. */
function klMetrics(rollouts: readonly Rollout[]) {
  const of = (estimator: "k1" | "k3") =>
    rollouts.map(({ logprobs, referenceLogprobs }) => klOfTokens(estimator, logprobs, referenceLogprobs));
  const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);
  const k1 = of("k1");
  const perCompletion = k1.map(sum);
  return {
    kl: mean(k1.flat()),
    kl_k3: mean(of("k3").flat()),
    "objective/kl": mean(perCompletion),
    "objective/kl_stderr": deviation(perCompletion) / Math.sqrt(perCompletion.length),
    "objective/entropy": mean(rollouts.map(({ logprobs }) => -sum(logprobs))),
  };
}

type WholeOption =
  "promptsPerIteration" | "completionsPerPrompt" | "maxNewTokens" | "batchSize" | "stepsPerEpoch";

function checkOptions(
  { prompts, objective, policy }: OnlineRolloutsParts,
  options: OnlineRolloutsOptions,
): void {
  if (policy.dropsOut)
    throw new Error(
      "a policy that learns from what it did must not drop out, as it would be another one than acted: loraPolicy(…, { dropout: false })",
    );
  const whole = (name: WholeOption, least: number) => {
    const value = options[name] ?? least;
    if (!(Number.isInteger(value) && value >= least))
      throw new RangeError(`${name} must be a whole number from ${least}, not ${value}`);
  };
  for (const name of ["promptsPerIteration", "maxNewTokens", "batchSize", "stepsPerEpoch"] as const)
    whole(name, 1);
  whole("completionsPerPrompt", objective.leastInGroup);
  const { missingEosPenalty = 0, promptsPerIteration, completionsPerPrompt, stepsPerEpoch = 1 } = options;
  if (!(Number.isFinite(missingEosPenalty) && missingEosPenalty >= 0))
    throw new RangeError(`missingEosPenalty must not be below 0, but is ${missingEosPenalty}`);
  if (stepsPerEpoch > promptsPerIteration * completionsPerPrompt)
    throw new RangeError(
      `stepsPerEpoch is ${stepsPerEpoch}, but an iteration has ${promptsPerIteration * completionsPerPrompt} completions only`,
    );
  checkKlOptions(options.kl);
  if (prompts.length === 0) throw new RangeError("there are no prompts");
  const empty = prompts.findIndex(({ ids }) => ids.length === 0);
  if (empty >= 0) throw new RangeError(`prompt ${empty + 1} has no tokens`);
}
