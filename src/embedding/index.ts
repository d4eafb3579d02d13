/** Texts as vectors: by models of this project, and by those that Transformers.js runs. */
export type { Embedder } from "./embedder";
export { encoderOf, type EncoderOptions } from "./encoder";
export { transformersJsEmbedder } from "./transformers-js";
export { type FactIndex, type FactOfTurn, factsOfTurns, ranksOfFacts } from "./pairs";
