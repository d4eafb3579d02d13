export * from "./adapter";
export * from "./adapter-set";
export * from "./changes";
export * from "./config";
export * from "./live";
export { readPeftConfig } from "./peft-config";
export * from "./linear";
export * from "./trainable";
export * from "./weights";
