export * from "./tokenizer";
