export * from "./config";
export * from "./trainable";
export * from "./weights";
export * from "./adapter";
