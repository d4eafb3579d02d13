/** Models: kinds of them as values, what they are built from, how their weights are kept, adapted, read and written. */
export * from "./architecture";
export * from "./architectures";
export * from "./generative";
export * from "./gguf";
export * from "./label-head";
export * from "./input-tokens";
export * from "./language-model";
export * as llama from "./llama";
export * from "./layers";
export * from "./llama2c";
export * from "./lora";
export * from "./pretrained";
export * from "./quantization";
export * from "./scorer";
export * from "./t5";
export * from "./tokenizer";
