export * from "./characters";
export * from "./issues";
export * from "./nearest";
export * from "./ngrams";
export * from "./shorten";
export * from "./well-formed";
export * from "./cut";
export * from "./html";
