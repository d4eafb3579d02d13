export * from "./causal";
export * from "./denoising";
export * from "./documents";
export * from "./task";
export * from "./tokens";
export * from "./words";
