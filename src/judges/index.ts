/** Who says how good an answer is: judges, what they judge by, how well they do, and how two answers are compared. */
export * from "./asked";
export * from "./card";
export * from "./case";
export * from "./composed";
export * as criteria from "./criteria";
export * from "./embedded";
export * from "./held-out";
export * from "./inference";
export * as likelihood from "../likelihood";
export * from "./measure";
export * from "./open";
export * from "./pairwise";
export * from "./rubric";
export * from "./verdicts";
