import { existsSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { devices } from "../engine";
import { readJson, sha256, writeJson } from "../io";
import { profiles } from "../settings";
import { runFolder } from "./record";

/** The folder of the project. */
export const projectFolder = join(__dirname, "../..");

const settingSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

export const jobSchema = z.strictObject({
  /** The module that exports the task as `gridTask`. */
  task: z.string(),
  /** Where the runs' files lie. */
  directory: z.string(),
  /** The RUN_ID. */
  id: z.string().regex(/^\w[\w.-]*$/),
  family: z.string(),
  profile: z.enum(profiles),
  /** Where its models run, if whoever does it is not to decide. */
  device: z.enum(devices).optional(),
  settings: settingSchema,
  inputs: z.record(z.string(), z.string()),
});

/**
 * One run as something to be done, by whatever process on whatever machine: plain JSON, with all that decides the run's files. Paths
 * are as seen from the project's folder.
 */
export type Job = Readonly<z.infer<typeof jobSchema>>;

/** What a job is known by: the SHA-256 of its content, in whatever order its fields come. */
export function jobKey(job: Job): string {
  return sha256(JSON.stringify(inOrder(job)));
}

function inOrder(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, inOrder(one)]));
}

/** A path as a job says it: from the project's folder where it lies there, so that it holds wherever the project lies. */
export function jobPath(path: string): string {
  const way = relative(projectFolder, resolve(path));
  return way.startsWith("..") || isAbsolute(way) ? resolve(path) : way.split(sep).join("/") || ".";
}

/** Where a job's path is on this machine. */
export const placeOf = (path: string) => resolve(projectFolder, path);

const jobFile = (directory: string, id: string) => join(runFolder(directory, id), "job.json");

/** Lays a job into the run's folder, for whoever is to do it. */
export function layJob(job: Job): void {
  writeJson(jobFile(placeOf(job.directory), job.id), job);
}

/** Whether a job lies in the folder of its run, as whoever sent it left it there; `another` of its name may. */
export function laidJob(job: Job): "laid" | "missing" | "another" {
  const path = jobFile(placeOf(job.directory), job.id);
  if (!existsSync(path)) return "missing";
  const parsed = jobSchema.safeParse(readJson(path));
  return parsed.success && jobKey(parsed.data) === jobKey(job) ? "laid" : "another";
}
