export * from "./prompt";
export * from "./target";
