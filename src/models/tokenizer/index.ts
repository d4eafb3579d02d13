export * from "./files";
export * from "./tokenizer";
export * from "./find";
