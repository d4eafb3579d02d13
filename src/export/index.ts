export * from "./transformers-js";
export * from "./use";
