export * from "./disguised";
export * from "./files";
export * from "./problems";
