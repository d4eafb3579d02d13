import { quantileSorted } from "simple-statistics";

/** What a module in scripts/benches exports by default; the file's name is the bench's name. */
export interface Bench {
  /** What is measured, in one line. */
  description: string;
  /** Measures, and returns what belongs into the JSON file. `report` shows a line of progress. */
  run(report: (message: string) => void): Promise<BenchResults>;
}

/** Rows to compare (sizes that grow, variants) and, beside them, single figures. */
export interface BenchResults {
  rows: Record<string, string | number | boolean | null>[];
  [figure: string]: unknown;
}

/** Whether benches leave out how their times grow and measure once, as `npm run bench -- all --quick` asks of them. */
export const quick = process.env["BENCH_QUICK"] === "1";

/** How often a bench measures: what the variable says, else three times, or once in a quick run. */
export const roundsOf = (variable: string): number => Number(process.env[variable] ?? (quick ? 1 : 3));

/** Times of repeated runs, in milliseconds. */
export interface Timing {
  median: number;
  min: number;
  max: number;
  runs: number;
}

/** Runs `work` once to warm up (unless `warmUp` is false), then `runs` times, and times these. */
export async function repeat(
  runs: number,
  work: () => unknown,
  { warmUp = true }: { warmUp?: boolean } = {},
): Promise<Timing> {
  if (warmUp) await work();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return {
    median: round(quantileSorted(times, 0.5)),
    min: round(times[0]!),
    max: round(times.at(-1)!),
    runs,
  };
}

/** Rounds to four significant digits: what a time on a shared machine is worth. */
export function round(value: number): number {
  return Number(value.toPrecision(4));
}
