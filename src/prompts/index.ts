export * from "./conversations";
export * from "./instruction";
export * from "./prompt";
export * from "./target";
