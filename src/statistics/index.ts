export * from "./agreement";
export * from "./correlation";
export * from "./describe";
export * from "./distributions";
export * from "./lengths";
export * from "./zipf";
