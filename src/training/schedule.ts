/** How the learning rate moves over a run; the names are those of Hugging Face's `lr_scheduler_type`. */
export const schedules = ["constant", "constant_with_warmup", "linear"] as const;
export type LearningRateSchedule = (typeof schedules)[number];

export interface ScheduleOptions {
  readonly schedule: LearningRateSchedule;
  /** The peak rate. */
  readonly learningRate: number;
  /** Steps over which the rate rises linearly from 0; `constant` ignores it. */
  readonly warmupSteps: number;
  /** The step at which `linear` reaches 0. */
  readonly maxSteps: number;
}

/**
 * The learning rate of optimizer step `step` (the first is 0), as Hugging Face's schedulers give it:
 *
 *     constant              η
 *     constant_with_warmup  η · min(1, step / warmup)
 *     linear                η · step / warmup, then η · (max − step) / (max − warmup), never below 0
 */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { schedule, learningRate, warmupSteps, maxSteps } = options;
  if (schedule !== "constant" && step < warmupSteps) return (learningRate * step) / warmupSteps;
  if (schedule !== "linear") return learningRate;
  return learningRate * Math.max(0, (maxSteps - step) / Math.max(1, maxSteps - warmupSteps));
}
