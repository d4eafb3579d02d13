/** Training: a policy, an objective and batches, taken through AdamW. */
export * from "./adamw";
export * from "./advantages/gae";
export * from "./advantages/groups";
export * from "./advantages/kl";
export * from "./advantages/kl-control";
export * from "./alarms/alarm";
export * from "./alarms/both-fall";
export * from "./alarms/end-not-taught";
export { referenceApart } from "./alarms/reference-apart";
export * from "./alarms/reference-start";
export { rolloutAlarms } from "./alarms/rollouts";
export * from "./batches";
export * from "./checkpoints";
export type { BatchSource, BatchTensors } from "./data";
export * from "./evaluate";
export * from "./example-batches";
export * from "./examples";
export * from "./log";
export * from "./memory";
export { mixedBatches } from "./mixture";
export type { Mean, Measured, Objective } from "./objective";
export * from "./objectives/classification";
export { contrastiveObjective } from "./objectives/contrastive";
export * from "./objectives/cross-entropy";
export * from "./objectives/dpo";
export { grpoLosses, grpoObjective, type GrpoLoss, type GrpoOptions } from "./objectives/grpo";
export * from "./objectives/pairwise";
export { ppoObjective, type PpoOptions } from "./objectives/ppo";
export * from "./objectives/reward-model";
export { rlooObjective, type RlooOptions } from "./objectives/rloo";
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
export { hasValues, hiddenSize, type ValueModel, withValueHead } from "./policies/value-head";
export { type ParameterMap, type Policy, zerosLike } from "./policy";
export * from "./programs";
export * from "./reference/logprobs";
export * from "./reference/reference";
export { liveAdapter, liveGenerator } from "./rollouts/live";
export { type PromptRow } from "./rollouts/prompts";
export type { Completion, Lesson, OnlineObjective, Rollout } from "./rollouts/rollout";
export {
  type OnlineRollouts,
  onlineRollouts,
  type OnlineRolloutsOptions,
  type OnlineRolloutsParts,
} from "./rollouts/source";
export * from "./schedule";
export * from "./sequence-sums";
export * from "./spec";
export { type StepResult, type StepOptions, Stepper, TrainingDiverged } from "./step";
export * from "./tensors";
export * from "./text-batches";
export * from "./trainer";
