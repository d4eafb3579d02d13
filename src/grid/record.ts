import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { onDisk, readJson, sha256File, writeJson } from "../io";
import type { Settings } from "./declaration";

const attempt = z.object({
  /** ISO 8601. */
  started: z.string(),
  /** Where its models ran. */
  device: z.string().optional(),
  /** Seconds spent in each part of the run, as far as was noted: a killed process loses the last few. */
  seconds: z.record(z.string(), z.number()),
  /** The most memory that the process held at once. */
  peakMemoryBytes: z.number(),
});

const recordSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  /** What else decided the result, by name: checksums of model and corpus. */
  inputs: z.record(z.string(), z.string()),
  status: z.enum(["running", "done", "failed", "interrupted"]),
  /** Every process that worked on the run, the present one last. */
  attempts: z.array(attempt),
  /** What ended a failed run. */
  error: z.string().optional(),
  /** What a finished run did: steps, tokens. */
  counts: z.record(z.string(), z.number()).optional(),
  /** The files that a finished run left, with their SHA-256. */
  files: z.record(z.string(), z.string()).optional(),
});

/** What is known of a run: `runs/<RUN_ID>/run.json` in the grid's folder. */
export type RunRecord = z.infer<typeof recordSchema>;
export type RunAttempt = z.infer<typeof attempt>;

/** The folder of a run's own files. */
export function runFolder(directory: string, id: string): string {
  return join(directory, "runs", id);
}

export function recordPath(directory: string, id: string): string {
  return join(runFolder(directory, id), "run.json");
}

export function writeRecord(directory: string, record: RunRecord): void {
  writeJson(recordPath(directory, record.id), record);
}

/**
 * A run's record, or undefined where there is none.
 * @throws {Error} naming a file that is none
 */
export function readRecord(directory: string, id: string): RunRecord | undefined {
  const path = recordPath(directory, id);
  if (!existsSync(path)) return undefined;
  const parsed = recordSchema.safeParse(readJson(path));
  if (!parsed.success) throw new Error(`${path}: not the record of a run\n${z.prettifyError(parsed.error)}`);
  if (parsed.data.id !== id) throw new Error(`${path}: it is the record of the run ${parsed.data.id}`);
  return parsed.data;
}

/** The RUN_IDs that have a folder, in order of their names. */
export function runIds(directory: string): string[] {
  const folder = join(directory, "runs");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "run.json")))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** In what two runs of one RUN_ID differ, a line each: `k: 3 before, now 4`. */
export function differences(
  before: Pick<RunRecord, "settings" | "inputs">,
  now: { settings: Settings; inputs: Readonly<Record<string, string>> },
): string[] {
  const compare = (a: Settings, b: Settings) =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((name) =>
      a[name] === b[name] ? [] : [`${name}: ${show(a[name])} before, now ${show(b[name])}`],
    );
  return [...compare(before.settings, now.settings), ...compare(before.inputs, now.inputs)];
}

function show(value: unknown): string {
  return value === undefined ? "not set" : JSON.stringify(value);
}

export function removeFiles(directory: string, names: readonly string[]): void {
  for (const name of names) rmSync(join(directory, name), { force: true });
}

/** The files of a finished run that are gone or not as it left them; undefined where the run did not come to its end. */
export async function damagedFiles(directory: string, id: string): Promise<string[] | undefined> {
  const record = readRecord(directory, id);
  if (record?.status !== "done") return undefined;
  const damaged: string[] = [];
  for (const [name, sha256] of Object.entries(record.files ?? {})) {
    const path = join(directory, name);
    if (!existsSync(path) || (await sha256File(path)) !== sha256) damaged.push(name);
  }
  return damaged;
}

const holderSchema = z.object({
  pid: z.number(),
  host: z.string(),
  /** When it took the run, ISO 8601. */
  since: z.string(),
  /** What tells the process from a later one of the same number, where the system says it. */
  begun: z.string().optional(),
});

/** Who works on a run. */
export type Holder = z.infer<typeof holderSchema>;

export function lockPath(directory: string, id: string): string {
  return join(runFolder(directory, id), "lock.json");
}

/** Seconds without a sign after which a process on another machine counts as ended. */
const SIGN_WITHIN = 300;
/** Seconds that the writing of a lock takes at most. */
const WRITTEN_WITHIN = 5;

/** The process that works on a run, if there is one; a process that ended without a word holds nothing. */
export function holder(directory: string, id: string): Holder | undefined {
  return readLock(lockPath(directory, id)).holder;
}

/** What a lock says, and who holds it; nobody where it was cut off while it was written, or is gone. */
function readLock(path: string): { text?: string; holder?: Holder; isBeingWritten?: boolean } {
  let text: string;
  let sign: number;
  try {
    text = readFileSync(path, "utf8");
    sign = statSync(path).mtimeMs;
  } catch {
    return {}; // gone
  }
  try {
    const holder = holderSchema.parse(JSON.parse(text));
    return isAlive(holder, sign) ? { text, holder } : { text };
  } catch {
    return { text, isBeingWritten: Date.now() - sign < WRITTEN_WITHIN * 1000 };
  }
}

/** Takes a run for this process; false if another one has it. */
export function takeRun(directory: string, id: string): boolean {
  const path = lockPath(directory, id);
  const { text, holder, isBeingWritten } = readLock(path);
  if (holder || isBeingWritten || !removeDeadLock(path, text)) return false;
  const begun = beginning(process.pid);
  const self: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    ...(begun === undefined ? {} : { begun }),
  };
  return writeLock(path, JSON.stringify(self));
}

/** Writes a lock where there is none; false if there is one. */
function writeLock(path: string, text: string): boolean {
  return onDisk(path, () => {
    try {
      writeFileSync(path, text, { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  });
}

/** Takes away the lock of a process that is no more; false if another process has put its own in that place meanwhile. */
function removeDeadLock(path: string, seen: string | undefined): boolean {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    return onDisk(path, () => {
      throw error;
    });
  }
  const found = readFileSync(aside, "utf8");
  rmSync(aside, { force: true });
  if (found === seen) return true;
  writeLock(path, found);
  return false;
}

/** A sign that this process still works on a run that it has taken. */
export function keepRun(directory: string, id: string): void {
  const now = new Date();
  try {
    utimesSync(lockPath(directory, id), now, now);
  } catch {
    // The run's end is noted, not this: without signs another machine takes it up, and its files are the same.
  }
}

export function releaseRun(directory: string, id: string): void {
  rmSync(lockPath(directory, id), { force: true });
}

/** Of processes on other machines their signs are known, and when the last one was. */
function isAlive({ pid, host, begun }: Holder, sign: number): boolean {
  if (host !== hostname()) return Date.now() - sign < SIGN_WITHIN * 1000;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return begun === undefined || beginning(pid) === begun;
}

/** When a running process was started, in the kernel's clock ticks; undefined on systems without /proc. */
function beginning(pid: number): string | undefined {
  try {
    // proc(5): the name in brackets is field 2, the state field 3 (Z has ended), the start time field 22.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
