import {
  DEFAULT_TRAINING,
  type LoraPolicy,
  optimizerFingerprint,
  specFingerprint,
  train,
  trainingBytes,
  type TrainingOptions,
  type TrainingSpec,
} from "../../training";
import { sections, valuesIn, type ValuesOf } from "../../settings";
import type { MethodRun } from "./method";

/** What of a configuration decides how a training goes over data that are there. */
export type FileTrainingConfig = Omit<ValuesOf<typeof sections.optimization.settings>, "maxSteps"> &
  ValuesOf<typeof sections.validation.settings> & {
    readonly maxSteps?: number | undefined;
    readonly epochs?: number | undefined;
    readonly validation?: string | undefined;
    readonly saveSteps: number;
    readonly seed: number;
  };

/** Passes over the data where nothing is said; those of Hugging Face's trainer. */
const DEFAULT_EPOCHS = 3;

/** A run of a method whose data are there before it begins. */
export function fileRun(
  spec: TrainingSpec<LoraPolicy>,
  config: FileTrainingConfig,
  described: Pick<MethodRun, "tokenizer" | "notes">,
): MethodRun {
  const { policy, data } = spec;
  const { maxSteps, epochs = DEFAULT_EPOCHS, batchSize, gradientAccumulation, seed, saveSteps } = config;
  const steps = maxSteps ?? Math.ceil((epochs * Math.ceil(data.size / batchSize)) / gradientAccumulation);
  const {
    gradientAccumulation: _,
    maxSteps: __,
    ...optimization
  } = valuesIn(sections.optimization, {
    ...config,
    maxSteps: steps,
  });
  const isValidated = config.validation !== undefined;
  if (config.loadBestModelAtEnd && !isValidated)
    throw new Error(
      "loadBestModelAtEnd: which parameters are best is told by a validation loss: name a file for validation",
    );
  const options: Omit<TrainingOptions, "outputDirectory"> = {
    ...DEFAULT_TRAINING,
    ...optimization,
    ...valuesIn(sections.validation, config),
    ...(isValidated ? {} : { evalSteps: 0 }),
    maxSteps: steps,
    gradientAccumulationSteps: gradientAccumulation,
    seed,
    saveSteps,
    saveTotalLimit: 1,
  };
  return {
    ...described,
    policy,
    steps,
    fingerprint: {
      spec: specFingerprint(spec),
      optimizer: optimizerFingerprint(options, [...policy.trained.keys()]),
      ...{ steps, batchSize, gradientAccumulation },
    },
    stepBytes: () => trainingBytes(spec, options),
    train: (outputDirectory, hooks) => train(spec, { ...options, outputDirectory }, hooks),
  };
}
