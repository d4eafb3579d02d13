export * from "./adamw";
export * from "./batches";
export * from "./checkpoints";
export * from "./schedule";
