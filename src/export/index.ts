export * from "./card";
export * from "./transformers-js";
export * from "./use";
