import type { Parameters, Profile } from "../notebook";
import { defaultExperiment, type ExperimentSettings } from "./settings";

/** Which setting each of a notebook's parameters is. */
const names = {
  SEED: "seed",
  N_TRAIN: "nTrain",
  N_VAL: "nValidation",
  N_TEST: "nTest",
  MAX_STEPS: "maxSteps",
  BATCH_SIZE: "batchSize",
  GRAD_ACC: "gradientAccumulation",
  LEARNING_RATE: "learningRate",
  WARMUP_STEPS: "warmupSteps",
  RANK: "rank",
  ALPHA: "alpha",
  MAX_INPUT_TOKENS: "maxInputTokens",
  MAX_NEW_TOKENS: "maxNewTokens",
} as const satisfies Record<string, keyof ExperimentSettings>;

/**
 * A notebook's parameters as settings: those of the profile, with every parameter that is not 0 in its place. Parameters
 * that are no settings are left aside.
 */
export function notebookExperiment(
  parameters: Readonly<Parameters>,
  changes: Partial<ExperimentSettings> = {},
): ExperimentSettings {
  const given = Object.entries(names)
    .filter(([name]) => name === "SEED" || Boolean(parameters[name]))
    .map(([name, setting]) => [setting, parameters[name]] as const);
  return defaultExperiment(parameters.PROFILE as Profile, { ...Object.fromEntries(given), ...changes });
}
