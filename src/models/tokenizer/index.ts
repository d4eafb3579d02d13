export * from "./tokenizer";
export * from "./find";
