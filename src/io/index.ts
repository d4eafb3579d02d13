export * from "./contents";
export * from "./disguised";
export * from "./files";
export * from "./json";
export * from "./problems";
export * from "./paths";
export * from "./tf-records";
