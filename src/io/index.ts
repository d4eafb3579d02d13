export * from "./contents";
export * from "./disguised";
export * from "./files";
export * from "./problems";
export * from "./paths";
