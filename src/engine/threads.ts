import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { EngineError } from "./errors";

/** The environment variable that says how many threads this process, and those that it starts, may use. */
export const THREADS_VARIABLE = "PERSONA_THREADS";

/**
 * Threads of one operation where the call does not say how many: as `PERSONA_THREADS` says, as it does in the runs of a grid
 * that share the machine; else one for each core that this process may use. ONNX Runtime's own default is meant to be the
 * same, but reads /sys, and takes half of the processors where it cannot: in some containers, one of two.
 *
 * @throws {EngineError} if `PERSONA_THREADS` is not a whole number from 1
 */
export function defaultThreads(
  cpuinfo: string = readCpuinfo(),
  processors = availableParallelism(),
  share = process.env[THREADS_VARIABLE],
): number {
  if (share) {
    if (!/^[1-9]\d{0,3}$/.test(share))
      throw new EngineError(`${THREADS_VARIABLE} must be a whole number from 1 to 9999, not ${share}`);
    return Number(share);
  }
  return Math.min(physicalCores(cpuinfo) ?? processors, processors);
}

/** Distinct cores in Linux's /proc/cpuinfo, which lists every hardware thread; undefined where it names no cores. */
function physicalCores(cpuinfo: string): number | undefined {
  const cores = cpuinfo.split(/\n\s*\n/).flatMap((processor) => {
    const core = /^core id\s*:\s*(\d+)/m.exec(processor)?.[1];
    const socket = /^physical id\s*:\s*(\d+)/m.exec(processor)?.[1];
    return core === undefined ? [] : [`${socket}/${core}`];
  });
  return cores.length > 0 ? new Set(cores).size : undefined;
}

function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return ""; // not Linux: processors are counted
  }
}
