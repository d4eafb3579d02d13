/** One run in a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DEVICE_VARIABLE, THREADS_VARIABLE } from "../engine";
import { makeFolder, onDisk, shownPath } from "../io";
import { LEFT_TO_OTHER, type RunMessage } from "./child";
import { type Job, placeOf, projectFolder } from "./job";
import { holder, lockPath, readRecord, runFolder, type RunRecord, writeRecord } from "./record";

/** What became of a run. */
export interface RunOutcome {
  readonly id: string;
  /** `skipped`: it was done before. `busy`: another process works on it. `sent`: it lies in a queue, or a worker of it is at it. */
  readonly outcome: "done" | "skipped" | "failed" | "interrupted" | "busy" | "sent" | "not started";
  /** Why it failed, or who works on it. */
  readonly reason?: string;
  /** Whether it failed as its process was killed, which need not happen again. */
  readonly killed?: boolean;
}

/** Runs one run in a process that uses `threads`, to its end or until `signal` is aborted and it has saved. */
export async function runProcess(
  job: Job,
  threads: number,
  signal: AbortSignal | undefined,
  onProgress: (done: number, note?: string) => void,
): Promise<RunOutcome> {
  const { id } = job;
  const directory = placeOf(job.directory);
  makeFolder(runFolder(directory, id));
  const output = join(runFolder(directory, id), "output.log");
  const log = onDisk(output, () => openSync(output, "a"));
  let child: ChildProcess;
  try {
    child = fork(join(__dirname, "child.ts"), [JSON.stringify(job)], {
      cwd: projectFolder,
      execArgv: ["--require", "tsx/cjs"],
      env: {
        ...process.env,
        ...(job.device && { [DEVICE_VARIABLE]: job.device }),
        [THREADS_VARIABLE]: String(threads),
      },
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
  return outcomeOf(job, typeof ended === "string" ? ended : `exit code ${ended}`, signal?.aborted ?? false);
}

/** Who works on a run, and what to do if nobody does. */
function describeHolder(directory: string, id: string): string {
  const other = holder(directory, id);
  if (!other) return "another process worked on it until just now";
  const { pid, host, since } = other;
  return `process ${pid} on ${host} works on it since ${since}; if that is something else, delete ${lockPath(directory, id)}`;
}

/** What the run's record says of its end. One that says nothing was killed or crashed; that is noted. */
function outcomeOf({ id, settings, inputs, ...job }: Job, ended: string, stopped: boolean): RunOutcome {
  const directory = placeOf(job.directory);
  const record: RunRecord = readRecord(directory, id) ?? {
    version: 1,
    id,
    settings: { ...settings },
    inputs: { ...inputs },
    status: "running",
    attempts: [],
  };
  let killed = false;
  if (record.status === "running") {
    // A Ctrl-C can end a process that has not yet learned to leave it to us.
    if (stopped) Object.assign(record, { status: "interrupted" });
    else {
      killed = true;
      const log = join(runFolder(directory, id), "output.log");
      const error = `the process ended without a result (${ended}); ${shownPath(log)} has its last words`;
      Object.assign(record, { status: "failed", error });
    }
    writeRecord(directory, record);
  }
  const { status } = record;
  if (status === "failed")
    return { id, outcome: status, reason: record.error?.split("\n")[0] ?? "", ...(killed && { killed }) };
  return { id, outcome: status === "done" ? "done" : "interrupted" };
}
