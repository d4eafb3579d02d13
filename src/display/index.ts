/** What a person sees while code runs: outputs in a cell, tables, progress. */
export * from "./display";
export * from "./progress";
export * from "./table";
