export * from "./transformers-js";
