export { checkTrace, readTrace, type Trace, type TracedValue } from "./trace";
export { type ReportOptions, writeReport, type WrittenReport } from "./write";
