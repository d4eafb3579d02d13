import { groupSeeds, type SeededVariant } from "../analysis";
import {
  type EvaluatedVariant,
  identityOf,
  type Metric,
  readEvaluation,
  scoreOf,
  scoreRows,
} from "../evaluation";
import { type Figure, heatmap } from "../figures";
import type { CsvValue } from "../io";
import type { Settings, SettingValue } from "./declaration";
import { holder, readRecord, runIds, type RunRecord } from "./record";

/** A run as it is found on disk. */
export interface GridRun {
  readonly id: string;
  /** `cut`: its process was killed; `running`: a process works on it; `unreadable`: {@link error} says why. */
  readonly status: RunRecord["status"] | "cut" | "unreadable";
  readonly settings: Settings;
  readonly error?: string;
  readonly cost: RunCost;
  /** What a finished run did: steps, tokens. */
  readonly counts: Readonly<Record<string, number>>;
  /** Scores and cases of a finished run. */
  readonly evaluated: readonly EvaluatedVariant[];
}

/** What a run has cost so far, over all processes that worked on it. */
export interface RunCost {
  readonly attempts: number;
  /** Wall-clock seconds in each part of the run. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly totalSeconds: number;
  /** The most that one of its processes held at once. */
  readonly peakMemoryBytes: number;
}

/** Every run that lies in a grid's folder, whichever grid started it, in order of the names. */
export function readGrid(directory: string): GridRun[] {
  return runIds(directory).map((id) => {
    try {
      return foundRun(directory, readRecord(directory, id)!);
    } catch (error) {
      const cost = { attempts: 0, seconds: {}, totalSeconds: 0, peakMemoryBytes: 0 };
      const { message } = error as Error;
      return { id, status: "unreadable", settings: {}, error: message, cost, counts: {}, evaluated: [] };
    }
  });
}

function foundRun(directory: string, record: RunRecord): GridRun {
  const { id, attempts, settings, error, counts = {} } = record;
  const seconds: Record<string, number> = {};
  for (const attempt of attempts)
    for (const [part, more] of Object.entries(attempt.seconds)) seconds[part] = (seconds[part] ?? 0) + more;
  return {
    id,
    status: record.status === "running" && !holder(directory, id) ? "cut" : record.status,
    settings,
    ...(error === undefined ? {} : { error }),
    cost: {
      attempts: attempts.length,
      seconds,
      totalSeconds: Object.values(seconds).reduce((sum, more) => sum + more, 0),
      peakMemoryBytes: Math.max(0, ...attempts.map(({ peakMemoryBytes }) => peakMemoryBytes)),
    },
    counts,
    evaluated: record.status === "done" ? readScores(directory, id) : [],
  };
}

function readScores(directory: string, runId: string): EvaluatedVariant[] {
  const { variants, cases } = readEvaluation({ directory, runId });
  return variants.map((summary) => ({ summary, cases: cases.get(summary.variant)! }));
}

/** The finished runs, those together that differ in the seed only, under the name that they share or a single one's own. */
export function seededRuns(runs: readonly GridRun[]): SeededVariant[] {
  return groupSeeds(runs.flatMap(({ evaluated }) => evaluated)).map((bySeed) => {
    const { summary } = bySeed[0]!;
    return { name: bySeed.length === 1 ? summary.variant : identityOf(summary).family, bySeed };
  });
}

/** The settings that have more than one value among the runs, in the order in which they are declared. */
export function varyingSettings(runs: readonly GridRun[]): string[] {
  const readable = runs.filter(({ status }) => status !== "unreadable");
  const names = new Set(readable.flatMap(({ settings }) => Object.keys(settings)));
  return [...names].filter((name) => new Set(readable.map(({ settings }) => settings[name])).size > 1);
}

/** A table's rows: what a run varies, its scores with their intervals, or why it has none. */
export function gridRows(
  runs: readonly GridRun[],
  metrics: readonly Metric[],
): Record<string, string | number | boolean | null>[] {
  const varying = varyingSettings(runs);
  return runs.flatMap(({ id, settings, status, evaluated }) => {
    const own = {
      run: id,
      status,
      ...Object.fromEntries(varying.map((name) => [name, settings[name] ?? null])),
    };
    const scores = scoreRows(
      evaluated.map(({ summary }) => summary),
      metrics,
    );
    const none = Object.fromEntries(metrics.map((name) => [name, null]));
    return scores.length === 0
      ? [{ ...own, ...none }]
      : scores.map(({ variant: _, ...rest }) => ({ ...own, ...rest }));
  });
}

/** A table's rows: what each run has cost. Seconds of all its processes; memory in MB (10⁶ bytes). */
export function costRows(runs: readonly GridRun[]): Record<string, string | number | null>[] {
  const names = (of: (run: GridRun) => object) => [...new Set(runs.flatMap((run) => Object.keys(of(run))))];
  const parts = names(({ cost }) => cost.seconds);
  const counts = names((run) => run.counts);
  return runs.map((run) => ({
    run: run.id,
    status: run.status,
    attempts: run.cost.attempts,
    ...Object.fromEntries(parts.map((part) => [`${part} (s)`, rounded(run.cost.seconds[part] ?? 0)])),
    "total (s)": rounded(run.cost.totalSeconds),
    "peak memory (MB)": Math.round(run.cost.peakMemoryBytes / 1e6),
    ...Object.fromEntries(counts.map((name) => [name, run.counts[name] ?? null])),
  }));
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** Everything about the runs as records for a CSV file: all settings, scores with the ends of their intervals, cost. */
export function gridRecords(
  runs: readonly GridRun[],
  metrics: readonly Metric[],
): Record<string, CsvValue>[] {
  const settings = [...new Set(runs.flatMap((run) => Object.keys(run.settings)))];
  const costs = costRows(runs);
  return runs.map((run, i) => {
    const summary = run.evaluated[0]?.summary;
    const score = (name: Metric) => summary && scoreOf(summary, name);
    return {
      ...costs[i],
      ...Object.fromEntries(settings.map((name) => [name, run.settings[name]])),
      ...Object.fromEntries(
        metrics.flatMap((name) => [
          [name, score(name)?.value],
          [`${name}_low`, score(name)?.low],
          [`${name}_high`, score(name)?.high],
        ]),
      ),
      error: run.error,
    };
  });
}

export interface GridHeatmapOptions {
  /** The settings along the axes. */
  x: string;
  y: string;
  metric: Metric;
}

/**
 * A metric over two settings. A cell is the mean over the runs that have its two values, whatever else they vary (the
 * caption says how many there are at most), and empty where no run is done.
 *
 * @throws {Error} where no finished run has the two settings
 */
export function gridHeatmap(runs: readonly GridRun[], { x, y, metric }: GridHeatmapOptions): Figure {
  const done = runs.filter(
    ({ evaluated, settings }) => evaluated.length > 0 && x in settings && y in settings,
  );
  if (done.length === 0) throw new Error(`no finished run has the settings ${x} and ${y}`);
  const columns = distinct(done.map(({ settings }) => settings[x]!));
  const rows = distinct(done.map(({ settings }) => settings[y]!));
  const cells = rows.map((row) =>
    columns.map((column) =>
      done
        .filter(({ settings }) => settings[x] === column && settings[y] === row)
        .flatMap(({ evaluated }) => scoreOf(evaluated[0]!.summary, metric)?.value ?? []),
    ),
  );
  const most = Math.max(...cells.flat().map((values) => values.length));
  return heatmap({
    title: `${metric} over ${x} and ${y}`,
    caption: most > 1 ? `Each cell is the mean of up to ${most} runs.` : "Each cell is one run.",
    columns: columns.map(String),
    rows: rows.map(String),
    values: cells.map((row) =>
      row.map((values) => (values.length === 0 ? null : values.reduce((a, b) => a + b) / values.length)),
    ),
    x: { title: x },
    y: { title: y },
    z: { title: metric },
    format: (value) => value.toFixed(metric === "bleu" || metric === "outputTokens" ? 1 : 4),
    width: 560,
    height: 380,
  });
}

/** Each value once, numbers by size, then the others in order of appearance. */
function distinct(values: readonly SettingValue[]): SettingValue[] {
  const all = [...new Set(values)];
  const numbers = all.filter((value): value is number => typeof value === "number").sort((a, b) => a - b);
  return [...numbers, ...all.filter((value) => typeof value !== "number")];
}
