import { z } from "zod";
import { DEFAULT_TRAINING, schedules } from "../../training";
import { section } from "../section";
import { count, positive, setting, whole } from "../setting";

/** Options of the trainer. */
export const optimization = section("Optimisation", {
  maxSteps: setting(count, {
    decides: "training",
    default: DEFAULT_TRAINING.maxSteps,
    quick: 100,
    label: "optimiser steps",
    notebook: "MAX_STEPS",
    meaning: "Optimizer steps.",
  }),
  batchSize: setting(count, {
    decides: "training",
    default: DEFAULT_TRAINING.batchSize,
    label: "batch size",
    notebook: "BATCH_SIZE",
    meaning: "Examples that go through the model together.",
  }),
  gradientAccumulation: setting(count, {
    decides: "training",
    default: DEFAULT_TRAINING.gradientAccumulationSteps,
    label: "batches a step",
    notebook: "GRAD_ACC",
    meaning: "Batches whose gradients are summed for one step.",
  }),
  /**
   * The proposal's also for `quick`: at ten times as much ROUGE-L is a little higher, but the answers no longer hang together.
   */
  learningRate: setting(positive.max(1), {
    decides: "training",
    default: DEFAULT_TRAINING.learningRate,
    label: "learning rate",
    notebook: "LEARNING_RATE",
    meaning: "The peak rate.",
  }),
  warmupSteps: setting(whole, {
    decides: "training",
    default: DEFAULT_TRAINING.warmupSteps,
    quick: 10,
    label: "warm-up steps",
    notebook: "WARMUP_STEPS",
    meaning: "Steps over which the rate rises from 0.",
  }),
  schedule: setting(z.enum(schedules), {
    decides: "training",
    default: DEFAULT_TRAINING.schedule,
    label: "schedule",
    meaning: "How the rate moves after the warm-up.",
  }),
});
