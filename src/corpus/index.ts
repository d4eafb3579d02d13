export * from "./conversation";
export * from "./csv";
export * from "./load";
export * from "./read";
export * from "./source";
export * from "./splits";
export * from "./statistics";
export * from "./types";
