import type { Job } from "./job";
import type { RunOutcome } from "./process";

/** Who is told while jobs are done. */
export interface JobReport {
  /** Aborted when no more is to be begun, and what is at work is to save and stop. */
  readonly signal?: AbortSignal;
  /** Told what concerns no single job. */
  readonly say: (line: string) => void;
  /** Units of a job's work that are done; those done before it was cut are in the first call. */
  readonly onProgress: (job: Job, done: number, note?: string) => void;
  /** How a job ended, and the seconds since it was begun or sent. */
  readonly onEnd: (job: Job, outcome: RunOutcome, seconds: number) => void;
}

/**
 * Does jobs, somewhere. Files are the truth: a job is done when its record says so and its files are as it left them. So an engine may
 * forget everything, and may begin a job twice: what is done is not done again, and its files are the same bits wherever it was done.
 */
export interface JobEngine {
  /** Returns when every job has ended, or `signal` has ended the waiting for them. */
  run(jobs: readonly Job[], report: JobReport): Promise<void>;
}
