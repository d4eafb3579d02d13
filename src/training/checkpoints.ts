import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FileProblem, makeFolder, onDisk, readJson, sha256, writeJson } from "../io";

/** Lists a checkpoint's files with their checksums; written last, so a folder without it was never finished. */
const MANIFEST_FILE = "checkpoint.json";
const NAME = /^checkpoint-(\d+)$/;

/** What a fingerprint covers; a checkpoint of an earlier version may be of another run than its fingerprint says. */
const VERSION = 2;

const manifestSchema = z.object({
  version: z.literal(VERSION),
  step: z.number().int().nonnegative(),
  /** What the run was: another model, data or configuration has another fingerprint. */
  fingerprint: z.string(),
  files: z.record(z.string(), z.object({ bytes: z.number(), sha256: z.string() })),
});

export interface CheckpointStoreOptions {
  /** Checkpoints to keep, the newest first; older ones are removed after a save. */
  readonly keep: number;
  /** Identifies the run's model, data and configuration; a checkpoint of another run is refused. */
  readonly fingerprint: string;
}

export interface FoundCheckpoint {
  readonly step: number;
  readonly directory: string;
}

/**
 * The checkpoints of one run, folders `checkpoint-<step>` under one directory.
 *
 * A checkpoint is written into a hidden neighbour, checksummed, synced and renamed, so that a killed process or a
 * full disk leaves the earlier ones as they were and never half a new one.
 */
export class CheckpointStore {
  constructor(
    readonly directory: string,
    private readonly options: CheckpointStoreOptions,
  ) {
    if (!(Number.isInteger(options.keep) && options.keep >= 1)) {
      throw new RangeError(`checkpoints to keep must be a whole number from 1, not ${options.keep}`);
    }
  }

  /**
   * Saves a checkpoint: `write` puts its files into the folder it is given. Afterwards the oldest ones beyond `keep`
   * are removed, `protectedStep` (the best so far) excepted.
   */
  save(step: number, write: (directory: string) => void, protectedStep?: number): FoundCheckpoint {
    makeFolder(this.directory);
    this.removeUnfinished();
    const unfinished = join(this.directory, `.checkpoint-${step}.unfinished`);
    const directory = join(this.directory, `checkpoint-${step}`);
    try {
      onDisk(unfinished, () => mkdirSync(unfinished));
      write(unfinished);
      const files = Object.fromEntries(
        readdirSync(unfinished)
          .sort()
          .map((file) => {
            const data = readFileSync(join(unfinished, file));
            return [file, { bytes: data.length, sha256: sha256(data) }];
          }),
      );
      const { fingerprint } = this.options;
      writeJson(join(unfinished, MANIFEST_FILE), { version: VERSION, step, fingerprint, files });
      onDisk(directory, () => {
        rmSync(directory, { recursive: true, force: true });
        renameSync(unfinished, directory);
        syncDirectory(this.directory);
      });
    } catch (cause) {
      rmSync(unfinished, { recursive: true, force: true });
      const Kind = cause instanceof FileProblem ? FileProblem : Error;
      throw new Kind(
        `${directory}: not saved (${(cause as Error).message}); earlier checkpoints are untouched`,
        { cause },
      );
    }
    this.rotate(protectedStep);
    return { step, directory };
  }

  /** Steps of the finished checkpoints, newest first. */
  steps(): number[] {
    return this.list(NAME)
      .map((name) => Number(NAME.exec(name)![1]))
      .sort((a, b) => b - a);
  }

  /**
   * The newest checkpoint that is whole and of this run, or undefined. Each one passed over is reported by name and
   * reason.
   */
  latest(report: (message: string) => void): FoundCheckpoint | undefined {
    for (const step of this.steps()) {
      const directory = join(this.directory, `checkpoint-${step}`);
      const fault = this.fault(directory, step);
      if (fault === undefined) return { step, directory };
      report(`${directory} is not used: ${fault}`);
    }
    return undefined;
  }

  private fault(directory: string, step: number): string | undefined {
    let manifest: z.infer<typeof manifestSchema>;
    try {
      const read = readJson(join(directory, MANIFEST_FILE));
      if (isOther(read)) {
        return "another version of this project made it, which recorded otherwise what decides a run";
      }
      manifest = manifestSchema.parse(read);
    } catch (error) {
      return `its ${MANIFEST_FILE} cannot be read (${(error as Error).message})`;
    }
    if (manifest.step !== step) return `it says that it is of step ${manifest.step}`;
    if (manifest.fingerprint !== this.options.fingerprint) {
      return "it was made by a run with another model, data or configuration";
    }
    for (const [file, { bytes, sha256: expected }] of Object.entries(manifest.files)) {
      const path = join(directory, file);
      try {
        if (statSync(path).size !== bytes) return `${file} has not the ${bytes} bytes that were written`;
        if (sha256(readFileSync(path)) !== expected) return `${file} is damaged (its checksum differs)`;
      } catch (error) {
        return `${file} cannot be read (${(error as Error).message})`;
      }
    }
    return undefined;
  }

  private rotate(protectedStep?: number): void {
    for (const step of this.steps().slice(this.options.keep)) {
      if (step !== protectedStep)
        rmSync(join(this.directory, `checkpoint-${step}`), { recursive: true, force: true });
    }
  }

  private removeUnfinished(): void {
    for (const name of this.list(/^\.checkpoint-\d+\.unfinished$/)) {
      rmSync(join(this.directory, name), { recursive: true, force: true });
    }
  }

  private list(pattern: RegExp): string[] {
    try {
      return readdirSync(this.directory).filter((name) => pattern.test(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}

/** Whether a manifest is one, but of another version; the first had no number. */
function isOther(manifest: unknown): boolean {
  const read = z.object({ version: z.number().default(1), fingerprint: z.string() }).safeParse(manifest);
  return read.success && read.data.version !== VERSION;
}

function syncDirectory(directory: string): void {
  // Windows has no handle to a directory; there the rename is as durable as the file system makes it.
  if (process.platform === "win32") return;
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
