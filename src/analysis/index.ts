export * from "./effects";
export * from "./errors";
export * from "./seeds";
export * from "./train";
