export { requireFinite } from "./finite";
export * from "./generate";
export * from "./options";
export { argmax, drawToken } from "./sampling";
export * from "./texts";
