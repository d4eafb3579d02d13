export * from "./denoising";
export * from "./documents";
export * from "./task";
