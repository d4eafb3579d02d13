/** How a weight is kept in few bits: schemes with the same verbs. */
export { int8Blocks, q4_0, q4_1, q8_0 } from "./blocks";
export { generationScheme, type GenerationWeights } from "./generation";
export { int8 } from "./int8";
export { nf4 } from "./nf4";
export type { QuantizationScheme } from "./scheme";
