export * from "./tokenizer";
export * from "./lora";
export * from "./t5";
export * from "./pretrained";
export type { Decoder, GenerativeModel } from "./decoder";
