export * from "./architecture";
export * from "./config";
export * from "./generator";
export * from "./model";
export * from "./parameters";
export * from "./rotary";
