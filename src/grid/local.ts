import { defaultThreads } from "../engine";
import type { JobEngine } from "./engine";
import { runProcess } from "./process";

/**
 * Jobs in processes of this machine, several at a time, which share its cores.
 *
 * @param parallel jobs at a time; if it is not said, one for every two cores
 * @throws {RangeError} if that is not a whole number from 1
 */
export function localProcesses(parallel = Math.max(1, Math.floor(defaultThreads() / 2))): JobEngine {
  if (!(Number.isInteger(parallel) && parallel >= 1))
    throw new RangeError(`runs at the same time must be a whole number from 1, not ${parallel}`);
  return {
    async run(jobs, { signal, onProgress, onEnd }) {
      const sideBySide = Math.min(parallel, jobs.length);
      const threads = Math.max(1, Math.floor(defaultThreads() / Math.max(1, sideBySide)));
      let next = 0;
      const worker = async () => {
        while (next < jobs.length && !signal?.aborted) {
          const job = jobs[next++]!;
          const began = performance.now();
          const outcome = await runProcess(job, threads, signal, (done, note) => onProgress(job, done, note));
          onEnd(job, outcome, (performance.now() - began) / 1000);
        }
      };
      await Promise.all(Array.from({ length: sideBySide }, worker));
    },
  };
}
