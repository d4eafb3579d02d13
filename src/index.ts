/** What notebooks import: every public name of the library. */
export * from "./models";
export * from "./generation";
export * from "./io";
export * from "./random";
export * from "./training";
export * from "./corpus";
export * from "./engine";
export * from "./hub";
export * from "./figures";
export * from "./notebook";
export * from "./sql";
export * from "./prompts";
export * from "./metrics";
export * from "./text";
export * from "./retrieval";
export * from "./evaluation";
export * from "./baselines";
