export * from "./baselines";
export * from "./cut";
