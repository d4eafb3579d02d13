export type { Decoder, GenerativeModel } from "./decoder";
export * from "./generate";
export * from "./options";
export * from "./texts";
