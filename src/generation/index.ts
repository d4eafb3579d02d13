export * from "./generate";
export * from "./options";
export * from "./texts";
