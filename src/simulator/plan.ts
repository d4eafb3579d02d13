import { type Method, ppo, rloo } from "../experiments";
import { embeddedChatModel } from "../models/pretrained";
import { didYouMean } from "../text";
import type { Profile } from "../settings";

/** How much of everything a profile does. */
interface Amounts {
  readonly maxLength: number;
  readonly maxNewTokens: number;
  readonly sft: {
    readonly maxSteps: number;
    readonly batchSize: number;
    readonly gradientAccumulation: number;
    readonly learningRate: number;
    readonly warmupSteps: number;
  };
  readonly rl: {
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

const amounts: Readonly<Record<Profile, Amounts>> = {
  quick: {
    maxLength: 216,
    maxNewTokens: 40,
    sft: { maxSteps: 300, batchSize: 8, gradientAccumulation: 1, learningRate: 2e-3, warmupSteps: 4 },
    rl: {
      ...{ iterations: 16, promptsPerIteration: 4, completionsPerPrompt: 4, batchSize: 16 },
      learningRate: 1e-3,
    },
    placesPerDialogue: 1,
    places: 48,
    slowPlaces: 24,
    conversations: 2,
    turns: 12,
  },
  full: {
    maxLength: 2048,
    maxNewTokens: 64,
    sft: { maxSteps: 400, batchSize: 4, gradientAccumulation: 4, learningRate: 2e-4, warmupSteps: 12 },
    rl: {
      ...{ iterations: 150, promptsPerIteration: 8, completionsPerPrompt: 4, batchSize: 8 },
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
  readonly RL: string;
  readonly RANK: number;
  readonly MAX_STEPS: number;
  readonly N_ITERATIONS: number;
  readonly N_PLACES: number;
  readonly N_DIALOGUES: number;
  readonly N_TURNS: number;
}

/** QLoRA as the study has it: NF4, rank 32, α twice the rank, dropout 0.1, all linear layers. */
const RANK = 32;

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
const forPpo = ({ promptsPerIteration, completionsPerPrompt }: Amounts["rl"]) => ({
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
  const { maxLength, maxNewTokens } = of;
  return {
    ...{ model, rank, maxLength },
    /** How players are opened, but for adapters: with prompts as long as those that were learned. */
    players: { model, maxLength: maxLength + maxNewTokens, maxNewTokens },
    placesPerDialogue: of.placesPerDialogue,
    places: N_PLACES || of.places,
    slowPlaces: Math.min(N_PLACES || Infinity, of.slowPlaces),
    conversations: N_DIALOGUES || of.conversations,
    turns: N_TURNS || of.turns,
    /** A configuration of `sft`, but for data. */
    sft: {
      ...{ model, seed, maxLength, rank, alpha: 2 * rank, loraDropout: 0.1, frozenWeights: "nf4" },
      ...of.sft,
      maxSteps: MAX_STEPS || of.sft.maxSteps,
    },
    /** A configuration of `rloo` or `ppo`, but for data, adapter, reference and rewards. */
    rl: {
      // Prompts are those of the examples, whose answers may be shorter than what is sampled.
      ...{ model, seed, maxLength: maxLength + maxNewTokens, maxNewTokens, klCoefficient: 0.1 },
      ...of.rl,
      ...(rlMethod(parameters.RL) === ppo && forPpo(of.rl)),
      iterations: N_ITERATIONS || of.rl.iterations,
    },
  };
}
