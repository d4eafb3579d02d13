export * from "./safetensors";
export * from "./tokenizer";
export * from "./lora";
export * from "./t5";
export * from "./checkpoint";
