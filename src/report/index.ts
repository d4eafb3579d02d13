export { summaryFigure } from "./figures";
export { type FoundOutputs, type FoundVariant } from "./found";
export { checkTrace, readTrace, recompute, type Trace, type TracedValue } from "./trace";
export { type ReportOptions, writeReport, type WrittenReport } from "./write";
