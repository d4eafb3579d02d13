export * from "./causal";
export * from "./documents";
export * from "./seq2seq";
export * from "./tokens";
export * from "./words";
