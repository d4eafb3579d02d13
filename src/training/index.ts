export * from "./batches";
export * from "./schedule";
