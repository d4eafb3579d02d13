export * from "./disguised";
export * from "./files";
