export { requireFinite } from "./finite";
export * from "./generate";
export * from "./options";
export { argmax, drawToken, samplingDistribution } from "./sampling";
export * from "./texts";
