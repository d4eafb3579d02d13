export { type FoundOutputs, type FoundVariant } from "./found";
export { recompute } from "./recompute";
export { type ReportOptions, writeReport, type WrittenReport } from "./write";
