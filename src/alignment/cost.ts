/** What something took. */
export interface Cost {
  readonly seconds: number;
  /** The most memory that the process was seen to hold meanwhile, in MiB; what it held before counts. */
  readonly peakMiB: number;
}

/** Milliseconds between two looks at the memory. */
const EVERY = 50;

/** Does something and measures its time and, by looking every 50 ms, its memory. */
export async function costOf<T>(act: () => Promise<T> | T): Promise<{ value: T; cost: Cost }> {
  let peak = process.memoryUsage.rss();
  const look = () => (peak = Math.max(peak, process.memoryUsage.rss()));
  const timer = setInterval(look, EVERY);
  const start = performance.now();
  try {
    const value = await act();
    look();
    return { value, cost: { seconds: (performance.now() - start) / 1000, peakMiB: peak / 2 ** 20 } };
  } finally {
    clearInterval(timer);
  }
}
