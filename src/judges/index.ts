/** Who says how good an answer is: judges, what they judge by, and how two answers are compared. */
export * from "./asked";
export * from "./case";
export * from "./pairwise";
export * from "./rubric";
