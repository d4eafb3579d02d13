/** The process of one run: child.ts JOB, where JOB is a {@link Job} as JSON. */
import { join } from "node:path";
import { defaultDevice } from "../engine";
import { FileProblem, makeFolder, sha256File } from "../io";
import { type Job, placeOf } from "./job";
import {
  damagedFiles,
  differences,
  keepRun,
  readRecord,
  releaseRun,
  removeFiles,
  runFolder,
  type RunRecord,
  takeRun,
  writeRecord,
} from "./record";
import { loadTask } from "./task";

/** What the process says while it works: units done, and where it is. How it ended is in the run's record. */
export interface RunMessage {
  done: number;
  note?: string;
}

/** Exit code of a process that left the run to another one that works on it. */
export const LEFT_TO_OTHER = 75;

/** Seconds between two notes of the time spent. */
const noteEvery = 5;
/** Seconds between two signs of life for other machines. */
const signEvery = 15;

async function work(job: Job): Promise<void> {
  const { id, profile, settings, inputs } = job;
  const directory = placeOf(job.directory);
  makeFolder(runFolder(directory, id));
  if (!takeRun(directory, id)) {
    process.exitCode = LEFT_TO_OTHER;
    return;
  }
  const damaged = await damagedFiles(directory, id);
  if (damaged?.length === 0) return releaseRun(directory, id); // another process was faster
  const before = readRecord(directory, id);
  const seconds: Record<string, number> = {};
  const attempt = {
    started: new Date().toISOString(),
    device: defaultDevice(),
    seconds,
    peakMemoryBytes: peakMemory(),
  };
  const attempts = [...(before?.attempts ?? []), attempt];
  const record: RunRecord = {
    version: 1,
    id,
    settings: { ...settings },
    inputs: { ...inputs },
    status: "running",
    attempts,
  };

  let phase = "starting";
  let counted = performance.now() - process.uptime() * 1000;
  let noted = performance.now();
  const count = () => {
    const now = performance.now();
    seconds[phase] = (seconds[phase] ?? 0) + (now - counted) / 1000;
    counted = now;
    attempt.peakMemoryBytes = peakMemory();
  };
  const note = (change: Partial<RunRecord> = {}) => {
    count();
    noted = performance.now();
    writeRecord(directory, Object.assign(record, change));
  };
  note();

  const sign = setInterval(() => keepRun(directory, id), signEvery * 1000);
  const stop = new AbortController();
  process.on("message", () => stop.abort());
  process.on("disconnect", () => stop.abort()); // whoever started the run is gone
  process.on("SIGTERM", () => stop.abort());
  try {
    const task = loadTask(placeOf(job.task));
    if (damaged) removeFiles(directory, task.files(id));
    const [own = {}] = await task.inputs(profile, [settings]);
    const others = differences({ settings, inputs }, { settings, inputs: own });
    if (others.length > 0)
      throw new Error(`here the run would have other inputs than it was sent with: ${others.join("; ")}`);
    const counts = await task.run(settings, {
      ...job,
      directory,
      folder: runFolder(directory, id),
      signal: stop.signal,
      phase: (name) => {
        note();
        phase = name;
      },
      progress: (done, text) => {
        tell({ done, ...(text === undefined ? {} : { note: text }) });
        if (performance.now() - noted > noteEvery * 1000) note();
      },
    });
    if (counts === undefined) return note({ status: "interrupted" });
    const files = await checksums(directory, task.files(id));
    note({ status: "done", counts: { ...counts }, files });
  } catch (error) {
    if (stop.signal.aborted && (error as Error).name === "AbortError") return note({ status: "interrupted" });
    note({
      status: "failed",
      error: describe(error),
    });
    console.error(error);
  } finally {
    clearInterval(sign);
    releaseRun(directory, id);
  }
}

/** With the stack, unless it is a disk's fault and not the code's. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof FileProblem ? error.message : (error.stack ?? error.message);
}

async function checksums(directory: string, names: readonly string[]): Promise<Record<string, string>> {
  const entries: [string, string][] = [];
  for (const name of names) entries.push([name, await sha256File(join(directory, name))]);
  return Object.fromEntries(entries);
}

function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function tell(message: RunMessage): void {
  if (process.connected) process.send!(message, undefined, {}, () => {});
}

async function main(): Promise<void> {
  process.on("SIGINT", () => {}); // a Ctrl-C reaches the whole group; the one who started the run decides
  try {
    await work(JSON.parse(process.argv[2]!) as Job);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
  process.exit();
}

if (require.main === module) void main();
