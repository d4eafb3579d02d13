export * from "./content";
export * from "./file";
export * from "./gguf";
export * from "./half";
export { MAX_HEADER_BYTES, type TensorEntry } from "./header";
export * from "./open-file";
export * from "./tensor";
