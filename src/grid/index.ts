export * from "./declaration";
export { type RunRecord } from "./record";
export * from "./results";
export * from "./run";
export * from "./task";
