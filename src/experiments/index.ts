export * from "./base";
export * from "./examples";
export * from "./run";
export * from "./settings";
export * from "./snippets";
export * from "./variant";
