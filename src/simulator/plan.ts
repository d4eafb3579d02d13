import { type Method, ppo, rloo } from "../experiments";
import { embeddedChatModel } from "../models/pretrained";
import type { Profile } from "../settings";
import { didYouMean } from "../text";
import { embeddedSimulator } from "./embedded";

/** How supervised fine-tuning goes. */
interface SftAmounts {
  readonly maxSteps: number;
  readonly batchSize: number;
  readonly gradientAccumulation: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
}

/** How much of everything a profile does. */
interface Amounts {
  readonly maxLength: number;
  readonly maxNewTokens: number;
  /** Of a new adapter, and of one that was trained before. */
  readonly sft: SftAmounts;
  readonly goingOn: SftAmounts;
  readonly rl: {
    /** Of which of the embedded personas the prompts are; see {@link EVERY_PERSONA}. */
    readonly persona: string;
    /** The most tokens of an example whose prompt is answered: a shorter history costs less, for each of its answers. */
    readonly maxExample: number;
    readonly maxNewTokens: number;
    readonly iterations: number;
    readonly promptsPerIteration: number;
    readonly completionsPerPrompt: number;
    readonly batchSize: number;
    readonly learningRate: number;
  };
  /** Places of each dialogue in which players are compared, how many at most, and how many of them slow judges look at. */
  readonly placesPerDialogue: number;
  readonly places: number;
  readonly slowPlaces: number;
  /** Conversations of each persona, and turns of the persona in each. */
  readonly conversations: number;
  readonly turns: number;
}

/** What RL_PERSONA says for the prompts of all. */
export const EVERY_PERSONA = "all";

const amounts: Readonly<Record<Profile, Amounts>> = {
  quick: {
    maxLength: 216,
    maxNewTokens: 40,
    sft: { maxSteps: 1200, batchSize: 8, gradientAccumulation: 1, learningRate: 2e-3, warmupSteps: 4 },
    goingOn: { maxSteps: 16, batchSize: 8, gradientAccumulation: 1, learningRate: 1e-4, warmupSteps: 2 },
    rl: {
      persona: "playful",
      maxExample: 160,
      maxNewTokens: 32,
      iterations: 10,
      promptsPerIteration: 8,
      completionsPerPrompt: 4,
      batchSize: 32,
      learningRate: 1e-3,
    },
    placesPerDialogue: 1,
    places: 48,
    slowPlaces: 12,
    conversations: 2,
    turns: 12,
  },
  full: {
    maxLength: 2048,
    maxNewTokens: 64,
    sft: { maxSteps: 400, batchSize: 4, gradientAccumulation: 4, learningRate: 2e-4, warmupSteps: 12 },
    goingOn: { maxSteps: 100, batchSize: 4, gradientAccumulation: 4, learningRate: 5e-5, warmupSteps: 4 },
    rl: {
      persona: EVERY_PERSONA,
      maxExample: 2048,
      maxNewTokens: 64,
      iterations: 150,
      promptsPerIteration: 8,
      completionsPerPrompt: 4,
      batchSize: 8,
      learningRate: 5e-5,
    },
    placesPerDialogue: Infinity,
    places: Infinity,
    slowPlaces: 300,
    conversations: 100,
    turns: 12,
  },
};

/** The model that is tuned unless one is named. */
const models: Readonly<Record<Profile, string>> = {
  quick: embeddedChatModel,
  full: "HuggingFaceTB/SmolLM2-135M-Instruct",
};

/** A notebook's parameters; 0 or nothing leaves one to the profile. */
export interface StudyParameters {
  readonly SEED: number;
  readonly MODEL: string;
  readonly START: string;
  readonly DATA: string;
  readonly RL: string;
  readonly RL_PERSONA: string;
  readonly RANK: number;
  readonly MAX_STEPS: number;
  readonly N_ITERATIONS: number;
  readonly N_PLACES: number;
  readonly N_DIALOGUES: number;
  readonly N_TURNS: number;
}

/** QLoRA as the study has it: NF4, rank 32, α twice the rank, dropout 0.1, all linear layers. */
const RANK = 32;

/** What START says for an adapter of one's own from the first step on. */
const NONE = "none";

/**
 * The adapter that supervised fine-tuning goes on from, if there is one: that which comes with the embedded model, unless the
 * parameters say another one, another model or a rank.
 */
function startOf(profile: Profile, { START, MODEL, RANK: rank }: StudyParameters): string | undefined {
  if (START !== "") return START === NONE ? undefined : START;
  return profile === "quick" && MODEL === "" && rank === 0 ? embeddedSimulator : undefined;
}

const rlMethods: Readonly<Record<string, Method>> = { rloo, ppo };

/**
 * The method of reinforcement that a parameter names.
 *
 * @throws {Error} if there is none of this name
 */
export function rlMethod(name: string): Method {
  if (Object.hasOwn(rlMethods, name)) return rlMethods[name]!;
  const names = Object.keys(rlMethods);
  throw new Error(`RL=${name}: it is one of ${names.join(", ")}.${didYouMean(name, names)}`);
}

/** PPO compares each completion with what its values expect, not with others of its prompt, and learns from an iteration twice. */
const forPpo = ({
  promptsPerIteration,
  completionsPerPrompt,
}: Pick<Amounts["rl"], "promptsPerIteration" | "completionsPerPrompt">) => ({
  promptsPerIteration: promptsPerIteration * completionsPerPrompt,
  completionsPerPrompt: 1,
  epochsPerIteration: 2,
  temperature: 1,
});

/** What a study does: the numbers of its profile, with what the parameters say in their place. */
export function planStudy(profile: Profile, parameters: StudyParameters) {
  const of = amounts[profile];
  const { SEED: seed, MODEL, MAX_STEPS, N_ITERATIONS, N_PLACES, N_DIALOGUES, N_TURNS } = parameters;
  const model = MODEL || models[profile];
  const rank = parameters.RANK || RANK;
  const start = startOf(profile, parameters);
  const sft = start === undefined ? of.sft : of.goingOn;
  const { maxLength, maxNewTokens } = of;
  const { persona, maxExample, ...rl } = of.rl;
  return {
    ...{ model, rank, maxLength },
    /** How players are opened, but for adapters: with prompts as long as those that were learned. */
    players: { model, maxLength: maxLength + maxNewTokens, maxNewTokens },
    placesPerDialogue: of.placesPerDialogue,
    places: N_PLACES || of.places,
    slowPlaces: Math.min(N_PLACES || Infinity, of.slowPlaces),
    conversations: N_DIALOGUES || of.conversations,
    turns: N_TURNS || of.turns,
    /** The adapter to go on from. */
    start,
    /** A configuration of `sft`, but for data. An adapter brings its rank with it; one that is asked for beside it is refused there. */
    sft: {
      ...{ model, seed, maxLength, loraDropout: 0.1, frozenWeights: "nf4" },
      ...(start !== undefined && { adapter: start }),
      ...((start === undefined || parameters.RANK !== 0) && { rank, alpha: 2 * rank }),
      ...sft,
      maxSteps: MAX_STEPS || sft.maxSteps,
    },
    /** Whose prompts are answered in reinforcement, and the most tokens of such an example. */
    reinforced: parameters.RL_PERSONA || (parameters.DATA === "" ? persona : EVERY_PERSONA),
    maxExample,
    /** A configuration of `rloo` or `ppo`, but for data, adapter, reference and rewards. */
    rl: {
      // Prompts are those of the examples, whose answers may be shorter than what is sampled.
      ...{ model, seed, maxLength: maxExample + rl.maxNewTokens, klCoefficient: 0.1 },
      ...rl,
      ...(rlMethod(parameters.RL) === ppo && forPpo(rl)),
      iterations: N_ITERATIONS || rl.iterations,
    },
  };
}
