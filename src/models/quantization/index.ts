/** How a weight is kept in few bits: schemes with the same verbs. */
export { int8Blocks } from "./blocks";
export { int8 } from "./int8";
export type { QuantizationScheme } from "./scheme";
