export * from "./effects";
export * from "./errors";
