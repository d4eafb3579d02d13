export * from "./adapter";
export * from "./changes";
export * from "./config";
export * from "./live";
export * from "./linear";
export * from "./trainable";
export * from "./weights";
