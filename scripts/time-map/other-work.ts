import { readFileSync } from "node:fs";

/** Ticks of the processor's clock a second, as Linux counts them for everybody. */
const TICKS = 100;

interface Reading {
  readonly at: number;
  /** Seconds that all processors were at work, and that this process and the children that it waited for were. */
  readonly busy: number;
  readonly own: number;
}

function read(): Reading | undefined {
  try {
    const [, ...all] = readFileSync("/proc/stat", "utf8").split("\n")[0]!.split(/\s+/).map(Number);
    const [user, nice, system, , , interrupts, soft] = all as number[];
    // Behind the name in parentheses, which may hold anything.
    const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)!.split(" ").map(Number);
    return {
      at: performance.now() / 1000,
      busy: (user! + nice! + system! + interrupts! + soft!) / TICKS,
      own: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / TICKS,
    };
  } catch {
    return undefined; // only Linux has these files
  }
}

/**
 * Begins to watch; the result says how many processors others kept busy since, on average. Children count as soon as they have ended.
 *
 * @returns undefined where the system does not tell
 */
export function watchOthers(): () => number | undefined {
  const before = read();
  return () => {
    const now = read();
    if (!before || !now) return undefined;
    const others = now.busy - before.busy - (now.own - before.own);
    return Number(Math.max(0, others / (now.at - before.at)).toPrecision(2));
  };
}
