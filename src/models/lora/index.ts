export * from "./adapter";
export * from "./config";
export * from "./linear";
export * from "./trainable";
export * from "./weights";
