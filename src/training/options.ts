import { type AdamWOptions, DEFAULT_ADAMW } from "./adamw";
import type { LearningRateSchedule } from "./schedule";

/** How a run trains. The words are those of Hugging Face's `Seq2SeqTrainingArguments`. */
export interface TrainingOptions extends AdamWOptions {
  /** Receives the log, the checkpoints and the batch of a diverged step. */
  readonly outputDirectory: string;
  /** Optimizer steps; or 0 to train for `epochs`. */
  readonly maxSteps: number;
  /** Passes over the training examples, where `maxSteps` is 0. */
  readonly epochs: number;
  readonly batchSize: number;
  /** Batches whose gradients are summed for one optimizer step. */
  readonly gradientAccumulationSteps: number;
  readonly learningRate: number;
  readonly schedule: LearningRateSchedule;
  readonly warmupSteps: number;
  readonly seed: number;
  /** Steps between evaluations; 0 for none. */
  readonly evalSteps: number;
  /** Steps between checkpoints; 0 saves at the end and when interrupted only. */
  readonly saveSteps: number;
  /** Checkpoints kept beside the best one. */
  readonly saveTotalLimit: number;
  /** Ends the run after so many evaluations without a lower loss; 0 for never. */
  readonly earlyStoppingPatience: number;
  /** Goes back to the checkpoint of the lowest evaluation loss when the run ends. */
  readonly loadBestModelAtEnd: boolean;
}

/** The proposal's short, stable run. */
export const DEFAULT_TRAINING: Omit<TrainingOptions, "outputDirectory"> = {
  ...DEFAULT_ADAMW,
  maxSteps: 600,
  epochs: 0,
  batchSize: 8,
  gradientAccumulationSteps: 1,
  learningRate: 1e-4,
  schedule: "constant_with_warmup",
  warmupSteps: 100,
  seed: 13,
  evalSteps: 0,
  saveSteps: 0,
  saveTotalLimit: 2,
  earlyStoppingPatience: 0,
  loadBestModelAtEnd: false,
};

/** Refuses options that mean nothing, each by name. */
export function checkTrainingOptions(options: TrainingOptions): void {
  const whole = (name: keyof TrainingOptions, least: number) => {
    const value = options[name];
    if (!(Number.isInteger(value) && (value as number) >= least)) {
      throw new RangeError(
        `training option ${name} must be a whole number from ${least}, not ${String(value)}`,
      );
    }
  };
  for (const name of ["maxSteps", "warmupSteps", "evalSteps", "saveSteps", "earlyStoppingPatience"] as const)
    whole(name, 0);
  for (const name of ["batchSize", "gradientAccumulationSteps", "saveTotalLimit"] as const) whole(name, 1);
  for (const name of ["learningRate", "weightDecay", "maxGradNorm", "epochs"] as const) {
    const value = options[name];
    if (!(Number.isFinite(value) && value >= 0))
      throw new RangeError(`training option ${name} must not be below 0, but is ${value}`);
  }
  if (options.maxSteps > 0 === options.epochs > 0) {
    throw new RangeError(
      `give one of maxSteps and epochs and set the other to 0 (they are ${options.maxSteps} and ${options.epochs})`,
    );
  }
  const needsEvaluation = options.loadBestModelAtEnd || options.earlyStoppingPatience > 0;
  if (needsEvaluation && options.evalSteps === 0) {
    throw new RangeError("loadBestModelAtEnd and earlyStoppingPatience need evaluations: set evalSteps");
  }
}

/** What decides an optimizer's steps over parameters of these names, batches apart. */
export function optimizerFingerprint(
  options: Pick<TrainingOptions, keyof AdamWOptions | "learningRate" | "schedule" | "warmupSteps" | "seed">,
  names: readonly string[],
): unknown {
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm, decays } = options;
  const { learningRate, schedule, warmupSteps, seed } = options;
  const decayed = weightDecay === 0 ? [] : names.filter((name) => decays(name));
  return {
    beta1,
    beta2,
    epsilon,
    weightDecay,
    decayed,
    maxGradNorm,
    learningRate,
    schedule,
    warmupSteps,
    seed,
  };
}
