export * from "./compare";
export * from "./evaluate";
export * from "./files";
export * from "./identity";
export * from "./likelihood";
export * from "./perplexity";
export * from "./scores";
export * from "./show";
