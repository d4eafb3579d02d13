export * from "./adapter";
export * from "./changes";
export * from "./config";
export * from "../quantization/int8";
export * from "./linear";
export * from "./trainable";
export * from "./weights";
