export { compile, type CompileOptions } from "./compile";
export { withNoise } from "./eager";
export type { EngineName, EngineOptions } from "./engines";
export { EngineError } from "./errors";
export type { Noise } from "./noise";
export * from "./ops";
export type { Program, RunOptions } from "./program";
export { recordFunction, type Recording } from "./recording";
export type { ProgramTensor, ProgramType, Signature, TensorSpec } from "./tensors";
