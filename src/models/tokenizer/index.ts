export * from "./files";
export * from "./tokenizer";
export * from "./find";
export * from "./template-messages";
export * from "./turns-template";
