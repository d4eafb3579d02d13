import { openTrainingModel } from "../experiments";
import type { TextGenerationOptions } from "../generation";
import { embeddedChatModel, type TaskType } from "../models";
import { type Profile, profiles } from "../settings";
import type { StudyDataOptions } from "./data";
import type { DomainTestOptions } from "./domains";
import type { SpeakerTraining } from "./training";

/** What a notebook of this study says, 0 and "" left to the profile. */
export interface StudyParameters {
  readonly PROFILE: string;
  readonly SEED: number;
  /** A folder, a GGUF file or a name of the hub: a causal model, or an encoder–decoder, as in the paper. */
  readonly MODEL: string;
  readonly DATA: string;
  readonly NATURAL: string;
  readonly N_DIALOGUES: number;
  readonly N_TEST: number;
  readonly MAX_STEPS: number;
  readonly RANK: number;
  readonly MAX_NEW_TOKENS: number;
  readonly N_SITUATIONS: number;
  readonly N_TALKS: number;
}

/** What the study does with which numbers. */
export interface StudySettings {
  readonly data: StudyDataOptions;
  readonly taskType: TaskType;
  readonly folds: number;
  readonly training: Omit<SpeakerTraining, "folder">;
  /** Of what must learn traits, and of the mixtures, which are compared with each other alone. */
  readonly longSteps: number;
  readonly shortSteps: number;
  /** Situations in which traits are flipped, and every how manyth held-out turn is asked for with labels turned round. */
  readonly situations: number;
  readonly listenEvery: number;
  readonly talks: number;
  /** Answers that are compared with each other in each domain. */
  readonly judged: number;
  /** How answers are drawn, and the most tokens of a whole dialogue. */
  readonly drawing: TextGenerationOptions;
  readonly wholeTokens: number;
  readonly testing: Omit<DomainTestOptions, "folder" | "resamples">;
}

const numbers = {
  quick: {
    nTest: 12,
    longSteps: 28,
    batchSize: 4,
    learningRate: 2e-3,
    situations: 8,
    listenEvery: 3,
    talks: 4,
    judged: 8,
    maxNewTokens: 20,
    nDialogues: Infinity,
    maxLength: 256,
  },
  full: {
    nTest: 100,
    longSteps: 1000,
    batchSize: 8,
    learningRate: 3e-4,
    situations: 60,
    listenEvery: 1,
    talks: 40,
    judged: 60,
    maxNewTokens: 40,
    nDialogues: 2000,
    maxLength: 512,
  },
} as const satisfies Record<Profile, object>;

/** Mixtures are many, and learn from facts alone: they get so small a share of the steps. */
const SHORT = 0.4;

/**
 * The numbers of a profile, with those that parameters give in their place.
 *
 * @throws {Error} if there is no such profile or model
 */
export async function studySettings(parameters: StudyParameters): Promise<StudySettings> {
  const {
    PROFILE,
    SEED: seed,
    MODEL,
    DATA,
    NATURAL,
    N_DIALOGUES,
    N_TEST,
    MAX_STEPS,
    RANK,
    MAX_NEW_TOKENS,
    N_SITUATIONS,
    N_TALKS,
  } = parameters;
  const profile = profiles.find((one) => one === PROFILE);
  if (!profile) throw new RangeError(`PROFILE=${PROFILE}: the profiles are ${profiles.join(", ")}`);
  const model = MODEL || process.env["PERSONA_CHAT_MODEL"] || embeddedChatModel;
  const { checkpoint } = await openTrainingModel(model);
  checkpoint.close();
  const { taskType } = checkpoint.architecture;
  const own = numbers[profile];
  const longSteps = MAX_STEPS || own.longSteps;
  const rank = RANK || 16;
  const maxNewTokens = MAX_NEW_TOKENS || own.maxNewTokens;
  return {
    data: {
      profile,
      ...(DATA !== "" && { data: DATA }),
      ...(NATURAL !== "" && { personaChat: NATURAL }),
      nTest: N_TEST || own.nTest,
      nDialogues: N_DIALOGUES || own.nDialogues,
      seed,
    },
    taskType,
    folds: 10,
    training: {
      model,
      seed,
      settings: {
        rank,
        alpha: 2 * rank,
        learningRate: own.learningRate,
        batchSize: own.batchSize,
        maxLength: own.maxLength,
        saveSteps: 50,
      },
    },
    longSteps,
    shortSteps: Math.max(1, Math.round(SHORT * longSteps)),
    situations: N_SITUATIONS || own.situations,
    listenEvery: own.listenEvery,
    talks: N_TALKS || own.talks,
    judged: own.judged,
    drawing: { maxNewTokens, doSample: true, temperature: 0.7, topP: 0.9, seed },
    wholeTokens: 10 * maxNewTokens,
    testing: { model, taskType, seed, answering: { maxNewTokens } },
  };
}

/** How an adapter is trained for so many steps, with its rows and itself in a folder; `more` are further settings of `sft`. */
export function trainingFor(
  { training }: Pick<StudySettings, "training">,
  maxSteps: number,
  folder: string,
  more: SpeakerTraining["settings"] = {},
): SpeakerTraining {
  return { ...training, settings: { ...training.settings, maxSteps, ...more }, folder };
}
