export * from "./architecture";
export * from "./config";
export * from "./generator";
export * from "./init";
export * from "./model";
export * from "./parameters";
export * from "./rotary";
