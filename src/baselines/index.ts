export * from "./baselines";
export * from "./cut";
export * from "./lengths";
export * from "./proposal";
