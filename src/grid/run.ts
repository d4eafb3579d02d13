import { type ChildProcess, fork } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatDuration, startProgress } from "../display";
import { defaultThreads, THREADS_VARIABLE } from "../engine";
import { makeFolder, onDisk, sha256File, shownPath } from "../io";
import { LEFT_TO_OTHER, type RunMessage, type RunOrder } from "./child";
import { type FamilyRun, type GridDeclaration, planFamilies } from "./declaration";
import { differences, holder, lockPath, readRecord, runFolder, type RunRecord, writeRecord } from "./record";
import { type GridTask, loadTask } from "./task";

export interface GridOptions {
  /** Where the runs' files lie: `stage3_summary_<RUN_ID>.json` and the like side by side, the rest in `runs/<RUN_ID>/`. */
  readonly directory: string;
  /**
   * Absolute path of a module that exports a {@link GridTask} as `gridTask`.
   * @default of settings with a `method` the one that trains by it, otherwise the one that trains an experiment's adapter
   */
  readonly task?: string;
  /**
   * Runs at the same time. They share the cores.
   * @default one for every two cores
   */
  readonly parallel?: number;
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

/** What became of a run. */
export interface RunOutcome {
  readonly id: string;
  /** `skipped`: it was done before. `busy`: another process works on it. */
  readonly outcome: "done" | "skipped" | "failed" | "interrupted" | "busy" | "not started";
  /** Why it failed, or who works on it. */
  readonly reason?: string;
}

/**
 * Runs a grid, each run in a process of its own. What is done (with the same settings, model and corpus, its files still as
 * they were left) is skipped; what was cut or failed goes on from where it was; one that fails does not keep the others
 * from running. All that is known of the runs is on disk, so that any later call, from a notebook or a terminal, takes it up.
 *
 * @throws {Error} if the declaration is not one, a setting does not exist, or runs have changed and `changed` is `refuse`
 */
export async function runGrid(declaration: GridDeclaration, options: GridOptions): Promise<RunOutcome[]> {
  const { signal, say = (line: string) => console.log(line) } = options;
  const parallel = options.parallel ?? Math.max(1, Math.floor(defaultThreads() / 2));
  if (!(Number.isInteger(parallel) && parallel >= 1))
    throw new RangeError(`runs at the same time must be a whole number from 1, not ${parallel}`);
  const directory = resolve(options.directory);
  const { profile, runs } = planFamilies(declaration);
  const module = options.task ?? join(__dirname, taskOf(runs));
  const task = loadTask(module);
  const all = runs.map(({ id, settings }) => namedFor(id, () => task.settings(settings, profile)));
  const inputs = await task.inputs(profile, all);
  const planned = runs.map(({ id, family }, i): ReadyRun => ({
    id,
    family,
    settings: all[i]!,
    inputs: inputs[i]!,
  }));
  await settleChanged(directory, planned, task, options.changed ?? "refuse");

  const outcomes = new Map<string, RunOutcome>();
  const todo: ReadyRun[] = [];
  for (const run of planned) {
    const damaged = await damagedFiles(directory, run.id);
    if (damaged?.length === 0) {
      say(`${run.id}: skipped, it was done before`);
      outcomes.set(run.id, { id: run.id, outcome: "skipped" });
      continue;
    }
    if (damaged) {
      say(`${run.id}: is evaluated again, as these files are gone or changed: ${damaged.join(", ")}`);
      removeFiles(directory, task.files(run.id));
    }
    todo.push(run);
  }
  const works = todo.map(({ settings }) => task.work(settings));
  const progress = startProgress(
    "Grid",
    works.reduce((sum, { units }) => sum + units, 0),
    {
      unit: works[0]?.unit ?? "runs",
    },
  );
  const sideBySide = Math.min(parallel, todo.length);
  const threads = Math.max(1, Math.floor(defaultThreads() / Math.max(1, sideBySide)));
  let next = 0;
  const worker = async () => {
    while (next < todo.length && !signal?.aborted) {
      const at = next++;
      const { id, family, settings, inputs } = todo[at]!;
      const { units } = works[at]!;
      let reported: number | undefined;
      const started = performance.now();
      const order: RunOrder = { module, directory, id, family, profile, settings, inputs };
      const outcome = await runProcess(order, threads, signal, (done, note) => {
        if (reported === undefined) progress.skip((reported = done));
        progress.advance(done - reported, note === undefined ? id : `${id}: ${note}`);
        reported = done;
      });
      progress.skip(units - (reported ?? 0));
      outcomes.set(id, outcome);
      const why = outcome.reason === undefined ? "" : `: ${outcome.reason}`;
      say(`${id}: ${outcome.outcome} after ${formatDuration((performance.now() - started) / 1000)}${why}`);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, worker));
  progress.finish();
  return planned.map(({ id }) => outcomes.get(id) ?? { id, outcome: "not started" });
}

/** A run with all its settings, and what else decides its result. */
interface ReadyRun extends FamilyRun {
  readonly inputs: Readonly<Record<string, string>>;
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
  planned: readonly ReadyRun[],
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

function removeFiles(directory: string, names: readonly string[]): void {
  for (const name of names) rmSync(join(directory, name), { force: true });
}

/** The files of a finished run that are gone or not as it left them; undefined where the run did not come to its end. */
async function damagedFiles(directory: string, id: string): Promise<string[] | undefined> {
  const record = readRecord(directory, id);
  if (record?.status !== "done") return undefined;
  const damaged: string[] = [];
  for (const [name, sha256] of Object.entries(record.files ?? {})) {
    const path = join(directory, name);
    if (!existsSync(path) || (await sha256File(path)) !== sha256) damaged.push(name);
  }
  return damaged;
}

/** Runs one run in a process that uses `threads`, to its end or until `signal` is aborted and it has saved. */
async function runProcess(
  order: RunOrder,
  threads: number,
  signal: AbortSignal | undefined,
  onProgress: (done: number, note?: string) => void,
): Promise<RunOutcome> {
  const { directory, id } = order;
  makeFolder(runFolder(directory, id));
  const output = join(runFolder(directory, id), "output.log");
  const log = onDisk(output, () => openSync(output, "a"));
  let child: ChildProcess;
  try {
    child = fork(join(__dirname, "child.ts"), [JSON.stringify(order)], {
      cwd: join(__dirname, "../.."),
      execArgv: ["--import", "tsx"],
      env: { ...process.env, [THREADS_VARIABLE]: String(threads) },
      stdio: ["ignore", log, log, "ipc"],
    });
  } finally {
    closeSync(log);
  }
  child.on("message", ({ done, note }: RunMessage) => onProgress(done, note));
  const stop = () => void (child.connected && child.send("stop", () => {}));
  signal?.addEventListener("abort", stop, { once: true });
  const ended = await new Promise<number | string>((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("exit", (code, killed) => resolve(killed ? `killed by ${killed}` : code!));
  });
  signal?.removeEventListener("abort", stop);
  if (ended === LEFT_TO_OTHER) return { id, outcome: "busy", reason: describeHolder(directory, id) };
  return outcomeOf(order, typeof ended === "string" ? ended : `exit code ${ended}`, signal?.aborted ?? false);
}

/** Who works on a run, and what to do if nobody does. */
function describeHolder(directory: string, id: string): string {
  const other = holder(directory, id);
  if (!other) return "another process worked on it until just now";
  const { pid, host, since } = other;
  return `process ${pid} on ${host} works on it since ${since}; if that is something else, delete ${lockPath(directory, id)}`;
}

/** What the run's record says of its end. One that says nothing was killed or crashed; that is noted. */
function outcomeOf(order: RunOrder, ended: string, stopped: boolean): RunOutcome {
  const { directory, id, settings, inputs } = order;
  const record: RunRecord = readRecord(directory, id) ?? {
    version: 1,
    id,
    settings: { ...settings },
    inputs: { ...inputs },
    status: "running",
    attempts: [],
  };
  if (record.status === "running") {
    // A Ctrl-C can end a process that has not yet learned to leave it to us.
    if (stopped) Object.assign(record, { status: "interrupted" });
    else {
      const log = join(runFolder(directory, id), "output.log");
      const error = `the process ended without a result (${ended}); ${shownPath(log)} has its last words`;
      Object.assign(record, { status: "failed", error });
    }
    writeRecord(directory, record);
  }
  const { status } = record;
  if (status === "failed") return { id, outcome: status, reason: record.error?.split("\n")[0] ?? "" };
  return { id, outcome: status === "done" ? "done" : "interrupted" };
}
