export * from "./bleu";
export * from "./facts";
export * from "./holm";
export * from "./overlap";
export { porterStem } from "./porter";
export * from "./resampling";
export { rougeL, rougeN } from "./rouge";
export type { RougeOptions, RougeScore } from "./rouge";
export * from "./stop-words";
