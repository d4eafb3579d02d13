import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatDuration, startProgress } from "../display";
import type { Device } from "../engine";
import type { Profile } from "../settings";
import { type FamilyRun, type GridDeclaration, planFamilies } from "./declaration";
import type { JobEngine } from "./engine";
import { type Job, jobPath } from "./job";
import { localProcesses } from "./local";
import type { RunOutcome } from "./process";
import { damagedFiles, differences, holder, readRecord, removeFiles, runFolder } from "./record";
import { type GridTask, loadTask } from "./task";

/** How jobs are done. */
export interface JobOptions {
  /** Where the runs' files lie: `stage3_summary_<RUN_ID>.json` and the like side by side, the rest in `runs/<RUN_ID>/`. */
  readonly directory: string;
  /**
   * Who does them.
   * @default processes on this machine, one for every two cores
   */
  readonly engine?: JobEngine;
  /**
   * What becomes of a run whose RUN_ID is there with other settings, model or corpus: `refuse` starts nothing
   * and names the differences, `rerun` deletes what it left and runs it again.
   * @default "refuse"
   */
  readonly changed?: "refuse" | "rerun";
  /** Aborting it lets the runs in progress save and stop, and starts no more. */
  readonly signal?: AbortSignal;
  /**
   * Told what becomes of each run, a line each.
   * @default console.log
   */
  readonly say?: (line: string) => void;
}

export interface GridOptions extends JobOptions {
  /**
   * Absolute path of a module that exports a {@link GridTask} as `gridTask`.
   * @default of settings with a `method` the one that trains by it, otherwise the one that trains an experiment's adapter
   */
  readonly task?: string;
  /**
   * Runs at the same time, where no `engine` is named. They share the cores.
   * @default one for every two cores
   */
  readonly parallel?: number;
}

/**
 * Runs a grid, each run in a process of its own. What is done (with the same settings, model and corpus, its files still as
 * they were left) is skipped; what was cut or failed goes on from where it was; one that fails does not keep the others
 * from running. All that is known of the runs is on disk, so that any later call, from a notebook or a terminal, takes it up.
 *
 * @throws {Error} if the declaration is not one, a setting does not exist, or runs have changed and `changed` is `refuse`
 */
export async function runGrid(declaration: GridDeclaration, options: GridOptions): Promise<RunOutcome[]> {
  const { parallel, task, engine = localProcesses(parallel), ...others } = options;
  const { profile, device, runs } = planFamilies(declaration);
  return runJobs(task ?? join(__dirname, taskOf(runs)), runs, {
    ...{ ...others, engine, profile },
    ...(device && { device }),
  });
}

/**
 * Has runs of one task done, as {@link runGrid} does.
 *
 * @param module absolute path of the module that exports the {@link GridTask}
 * @throws {Error} as {@link runGrid}
 */
export async function runJobs(
  module: string,
  runs: readonly FamilyRun[],
  options: JobOptions & { readonly profile: Profile; readonly device?: Device },
): Promise<RunOutcome[]> {
  const {
    signal,
    profile,
    device,
    engine = localProcesses(),
    say = (line: string) => console.log(line),
  } = options;
  const directory = resolve(options.directory);
  const task = loadTask(module);
  const all = runs.map(({ id, settings }) => namedFor(id, () => task.settings(settings, profile)));
  const inputs = await task.inputs(profile, all);
  const planned = runs.map(({ id, family }, i): Job => ({
    ...{
      task: jobPath(module),
      directory: jobPath(directory),
      id,
      family,
      profile,
      ...(device && { device }),
    },
    settings: { ...all[i]! },
    inputs: { ...inputs[i]! },
  }));
  await settleChanged(directory, planned, task, options.changed ?? "refuse");

  const outcomes = new Map<string, RunOutcome>();
  const todo: Job[] = [];
  for (const run of planned) {
    const damaged = await damagedFiles(directory, run.id);
    if (damaged?.length === 0) {
      say(`${run.id}: skipped, it was done before`);
      outcomes.set(run.id, { id: run.id, outcome: "skipped" });
      continue;
    }
    if (damaged)
      say(`${run.id}: is evaluated again, as these files are gone or changed: ${damaged.join(", ")}`);
    todo.push(run);
  }
  const works = new Map(todo.map((job) => [job.id, task.work(job.settings)]));
  const [first] = works.values();
  const total = [...works.values()].reduce((sum, { units }) => sum + units, 0);
  const progress = startProgress("Jobs", total, { unit: first?.unit ?? "runs" });
  const reported = new Map<string, number>();
  await engine.run(todo, {
    ...(signal && { signal }),
    say,
    onProgress({ id }, done, note) {
      const before = reported.get(id);
      if (before === undefined) progress.skip(done);
      progress.advance(done - (before ?? done), note === undefined ? id : `${id}: ${note}`);
      reported.set(id, done);
    },
    onEnd({ id }, outcome, seconds) {
      progress.skip(works.get(id)!.units - (reported.get(id) ?? 0));
      outcomes.set(id, outcome);
      const why = outcome.reason === undefined ? "" : `: ${outcome.reason}`;
      say(`${id}: ${outcome.outcome} after ${formatDuration(seconds)}${why}`);
    },
  });
  progress.finish();
  return planned.map(({ id }) => outcomes.get(id) ?? { id, outcome: "not started" });
}

/** The module of what the runs of a declaration do. */
function taskOf(runs: readonly FamilyRun[]): string {
  const [first] = runs;
  const byMethod = (run: FamilyRun) => "method" in run.settings;
  const other = runs.find((run) => byMethod(run) !== byMethod(first!));
  if (other)
    throw new Error(
      `of the runs ${first!.id} and ${other.id} one names a method and one does not: an experiment and a method need a grid each`,
    );
  return byMethod(first!) ? "method.ts" : "experiment.ts";
}

/** Puts the run's name before an error about its settings. */
function namedFor<T>(id: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw new Error(`run ${id}: ${(cause as Error).message}`, { cause });
  }
}

/** Applies the rule for runs that are there with other settings or inputs. */
async function settleChanged(
  directory: string,
  planned: readonly Job[],
  task: GridTask,
  rule: "refuse" | "rerun",
): Promise<void> {
  const changed = planned.flatMap(({ id, settings, inputs }) => {
    const before = readRecord(directory, id);
    const lines = before ? differences(before, { settings, inputs }) : [];
    return lines.length === 0 ? [] : [{ id, lines }];
  });
  if (changed.length === 0) return;
  if (rule === "refuse") {
    const list = changed.map(({ id, lines }) => `  ${id}: ${lines.join("; ")}`).join("\n");
    throw new Error(
      `runs of these names are there with other settings:\n${list}\nGive the grid another name or folder, or let changed runs be deleted and run again (changed: "rerun", --rerun-changed).`,
    );
  }
  for (const { id } of changed) {
    const other = holder(directory, id);
    if (other)
      throw new Error(`run ${id} has changed, but process ${other.pid} on ${other.host} works on it`);
    removeFiles(directory, task.files(id));
    rmSync(runFolder(directory, id), { recursive: true, force: true });
  }
}
