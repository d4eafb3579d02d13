import type { Profile } from "../settings";
import type { Settings } from "./declaration";

/** What a run is told about itself, and where it reports to. */
export interface RunContext {
  readonly id: string;
  /** What it is called together with runs that differ in the seed only. */
  readonly family: string;
  /** The grid's folder, where files of all runs lie side by side. */
  readonly directory: string;
  /** The run's own folder, for what it needs to go on after it was cut. */
  readonly folder: string;
  readonly profile: Profile;
  /** Aborted when the run is to save what it has and stop. */
  readonly signal: AbortSignal;
  /** From here on time counts as this part of the run, `training` or `evaluating` for example. */
  readonly phase: (name: string) => void;
  /** Units of {@link GridTask.work} done so far; those done before the run was cut are in the first report. */
  readonly progress: (done: number, note?: string) => void;
}

/**
 * What the runs of a grid do. A module that exports one as `gridTask` can be run by a grid: each run loads it in a
 * process of its own.
 */
export interface GridTask {
  /**
   * All settings of a run from those that it names.
   * @throws {Error} for a setting that there is not, or a value it does not take
   */
  settings(given: Settings, profile: Profile): Settings;
  /** What else decides the result of each run, with what identifies it: a model, a corpus, a file. */
  inputs(profile: Profile, runs: readonly Settings[]): Promise<readonly Readonly<Record<string, string>>[]>;
  /** How much a run has to do, in units for the time left. */
  work(settings: Settings): { units: number; unit: string };
  /** Files that a finished run has left in the grid's folder. */
  files(id: string): string[];
  /**
   * One run, from the beginning or from where it was cut. Returns counts of what was done (steps, tokens), or undefined if it
   * stopped because the signal was aborted.
   */
  run(settings: Settings, context: RunContext): Promise<Readonly<Record<string, number>> | undefined>;
}

/** The task of a module. */
export function loadTask(module: string): GridTask {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which module, is known at run time; the kernel's `import()` reads no TypeScript
  return (require(module) as { gridTask: GridTask }).gridTask;
}
