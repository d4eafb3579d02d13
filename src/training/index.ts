/** Training: a policy, an objective and batches, taken through AdamW. */
export * from "./adamw";
export * from "./alarms/alarm";
export * from "./alarms/both-fall";
export * from "./alarms/end-not-taught";
export * from "./alarms/reference-start";
export * from "./batches";
export * from "./checkpoints";
export type { BatchSource, BatchTensors } from "./data";
export * from "./evaluate";
export * from "./example-batches";
export * from "./examples";
export * from "./log";
export * from "./memory";
export type { Mean, Measured, Objective } from "./objective";
export * from "./objectives/cross-entropy";
export * from "./objectives/dpo";
export {
  type PreferenceLossName,
  preferenceLosses,
  preferenceLossNames,
} from "./objectives/preference-losses";
export * from "./objectives/supervised";
export * from "./online";
export * from "./options";
export { type Pair, pairBatches, type PairBatchesOptions, type ScoredPairs } from "./pairs";
export {
  type FrozenModel,
  frozenModel,
  type FrozenModelOptions,
  type FrozenWeights,
  frozenWeights,
} from "./policies/frozen";
export * from "./policies/full";
export * from "./policies/lora";
export { type ParameterMap, type Policy, zerosLike } from "./policy";
export * from "./programs";
export * from "./reference/logprobs";
export * from "./reference/reference";
export * from "./schedule";
export * from "./sequence-sums";
export * from "./spec";
export { type StepResult, type StepOptions, Stepper, TrainingDiverged } from "./step";
export * from "./tensors";
export * from "./trainer";
