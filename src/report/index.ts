export { writeReports, type WrittenReports } from "./all";
export { type FoundOutputs, type FoundVariant } from "./found";
export { recompute } from "./recompute";
export { showReport } from "./shown";
export { writeStudyReport } from "./studies";
export { type ReportOptions, writeReport, type WrittenReport } from "./write";
