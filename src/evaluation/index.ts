export * from "./compare";
export * from "./evaluate";
export * from "./files";
export * from "./identity";
export type { JsonValue } from "./json";
export * from "./scores";
export * from "./show";
