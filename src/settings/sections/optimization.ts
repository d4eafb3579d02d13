import { z } from "zod";
import { DEFAULT_TRAINING, schedules } from "../../training";
import { section } from "../section";
import { count, positive, setting, whole } from "../setting";

/** Options of the trainer. */
export const optimization = section("Optimisation", {
  maxSteps: setting(count, {
    decides: "training",
    default: DEFAULT_TRAINING.maxSteps,
    quick: 60,
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
  /** So few steps as those of `quick` teach little at the proposal's rate: the model goes on reciting its input. */
  learningRate: setting(positive.max(1), {
    decides: "training",
    default: DEFAULT_TRAINING.learningRate,
    quick: 0.001,
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
    quick: "linear",
    label: "schedule",
    meaning: "How the rate moves after the warm-up.",
  }),
});
