import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Threads of one operation where nobody says how many: one for each core that this process may use. ONNX Runtime's own default
 * is meant to be the same, but reads /sys, and takes half of the processors where it cannot: in some containers, one of two.
 */
export function defaultThreads(cpuinfo: string = readCpuinfo(), processors = availableParallelism()): number {
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
