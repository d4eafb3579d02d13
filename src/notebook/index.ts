/** What a notebook needs around its calls: outputs, tables, progress, parameters and the record of the run. */
export * from "./parameters";
export * from "./run";
