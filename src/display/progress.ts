import { type DisplayHandle, inKernel, liveDisplay } from "./display";

/** Reports how far a long piece of work has come. */
export interface Progress {
  /** `count` more units are done, 1 unless told; `note` is shown beside the numbers, a loss for example. */
  advance(count?: number, note?: string): void;
  /** `count` more units need no work: they were done before, or are given up. The rate and the time left leave them out. */
  skip(count: number): void;
  /** The work is over: a last line with the time it took. */
  finish(note?: string): void;
}

export interface ProgressOptions {
  /**
   * What a unit is, in the plural.
   * @default "items"
   */
  unit?: string;
  /**
   * Seconds before anything is shown: shorter work needs no report.
   * @default 2
   */
  after?: number;
  /**
   * Where lines go outside a notebook.
   * @default process.stderr
   */
  stream?: { write(text: string): unknown; isTTY?: boolean };
  /**
   * The present time in milliseconds, for tests.
   * @default performance.now
   */
  now?: () => number;
}

/**
 * Starts a report on `total` units of work, with the rate and the time left; without the time where `total` is `null`,
 * not known. In a notebook one output that is replaced
 * in place, in a terminal one line, elsewhere (a log file) a line every 30 seconds.
 *
 * @example
 * const progress = startProgress("Tokenising", texts.length, { unit: "texts" });
 * for (const text of texts) { encode(text); progress.advance(); }
 * progress.finish();
 */
export function startProgress(label: string, total: number | null, options: ProgressOptions = {}): Progress {
  const { unit = "items", after = 2, stream = process.stderr, now = () => performance.now() } = options;
  const started = now();
  const show = reporter(stream);
  let done = 0;
  let skipped = 0;
  let next = started + after * 1000;
  let shown = false;
  const seconds = () => (now() - started) / 1000;
  const line = (note?: string) => {
    const worked = done - skipped;
    const rate = `${(worked / seconds()).toPrecision(3)} ${unit}/s`;
    if (total === null) return `${label}: ${done} ${unit}, ${rate}${note ? `, ${note}` : ""}`;
    const left =
      worked > 0 ? `, ${formatDuration((seconds() / worked) * Math.max(0, total - done))} left` : "";
    const share = total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : "";
    return `${label}: ${done} of ${total} ${unit}${share}, ${rate}${left}${note ? `, ${note}` : ""}`;
  };
  return {
    advance(count = 1, note) {
      done += count;
      if (now() < next) return;
      show.line(line(note));
      shown = true;
      next = now() + show.interval;
    },
    skip(count) {
      done += count;
      skipped += count;
    },
    finish(note) {
      if (!shown && seconds() < after) return;
      show.last(
        `${label}: ${done - skipped} ${unit} in ${formatDuration(seconds())}${note ? `, ${note}` : ""}`,
      );
    },
  };
}

/** Seconds as people say them: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

interface Reporter {
  /** Milliseconds between two lines. */
  interval: number;
  line(text: string): void;
  last(text: string): void;
}

function reporter(stream: { write(text: string): unknown; isTTY?: boolean }): Reporter {
  if (inKernel()) {
    let handle: DisplayHandle | undefined;
    const line = (text: string) => {
      const bundle = { "text/plain": text };
      if (handle) handle.update(bundle);
      else handle = liveDisplay(bundle, { progress: true });
    };
    return { interval: 300, line, last: line };
  }
  if (stream.isTTY) {
    const line = (text: string) => void stream.write(`\r\u001b[K${text}`);
    return { interval: 200, line, last: (text) => line(`${text}\n`) };
  }
  const line = (text: string) => void stream.write(`${text}\n`);
  return { interval: 30_000, line, last: line };
}
