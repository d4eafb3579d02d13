export * from "./safetensors";
export * from "./tokenizer";
