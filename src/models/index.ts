export * from "./safetensors";
export * from "./tokenizer";
export * from "./lora";
