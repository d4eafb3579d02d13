export * from "./batches";
export * from "./checkpoints";
export * from "./schedule";
