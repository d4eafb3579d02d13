export * from "./characters";
export * from "./ngrams";
export * from "./well-formed";
