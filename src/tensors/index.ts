export * from "./file";
export * from "./half";
export { MAX_HEADER_BYTES, type TensorEntry } from "./header";
export * from "./tensor";
