export { t5Architecture } from "./architecture";
export * from "./config";
export * from "./init";
export * from "./parameters";
export * from "./position-bias";
export * from "./model";
export * from "./generator";
