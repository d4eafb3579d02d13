export * from "./conversations";
export * from "./instruction";
export * from "./prompt";
export * from "./simulator";
export * from "./target";
export * from "./unroll";
