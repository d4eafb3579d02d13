export * from "./declaration";
export type { JobEngine, JobReport } from "./engine";
export {
  BASE_ROW,
  evaluateAsJobs,
  type EvaluationPlan,
  openEvaluation,
  type OpenEvaluation,
} from "./evaluation";
export { jobTeacher, type JobTeacherOptions, openTeacher } from "./generation";
export type { Job } from "./job";
export * from "./local";
export type { RunOutcome } from "./process";
export { type RunRecord } from "./record";
export * from "./queue";
export * from "./results";
export * from "./run";
export * from "./task";
