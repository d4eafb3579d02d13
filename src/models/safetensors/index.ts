export * from "./file";
export { MAX_HEADER_BYTES, type TensorEntry } from "./header";
export * from "./tensor";
