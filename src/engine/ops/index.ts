export * from "./attend-cached";
export * from "./attend";
export * from "./cross-entropy";
export * from "./dropout";
export * from "./gelu";
export * from "./rms-norm";
export * from "./quantized";
export * from "./positions";
