export * from "./characters";
export * from "./ngrams";
