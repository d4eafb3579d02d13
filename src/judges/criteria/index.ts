/** What answers are judged by without asking anybody: each criterion is a judge of its own. */
export * from "./contradiction";
export * from "./coverage";
export * from "./likely";
export * from "./own-words";
export * from "./ownership";
export * from "./repetition";
export * from "./safety";
