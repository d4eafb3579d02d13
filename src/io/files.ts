import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import Papa from "papaparse";
import { wellFormedJson } from "../text";
import { disguise } from "./disguised";
import { onDisk } from "./problems";

/**
 * Makes a folder and its parents, where they are missing.
 * @throws {FileProblem} naming the folder
 */
export function makeFolder(path: string): void {
  onDisk(path, () => {
    if (isFolder(path)) return;
    makeFolder(dirname(path)); // each by itself: the recursive call does not tell why a parent cannot be made
    try {
      mkdirSync(path);
    } catch (error) {
      if (!isFolder(path)) throw error; // else another process was faster
    }
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Removes a file, if there is one.
 * @throws {FileProblem} naming it
 */
export function removeFile(path: string): void {
  onDisk(path, () => rmSync(path, { force: true }));
}

/**
 * Makes a folder, if it is missing, and tries whether files can be written there: better asked before long work.
 *
 * @throws {FileProblem} naming the folder
 */
export function checkWritable(folder: string): void {
  makeFolder(folder);
  const probe = join(folder, temporaryName());
  onDisk(folder, () => {
    try {
      writeFileSync(probe, new Uint8Array(4096));
    } finally {
      rmSync(probe, { force: true });
    }
  });
}

/** A killed process leaves such a file behind: `.gitignore` and {@link filesOf} leave it out. */
const temporaryName = () => `.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;

/**
 * Puts a folder that is written whole in the place of another one, or of nothing.
 *
 * @throws {FileProblem} naming `path`; what was there is then there again
 */
export function replaceFolder(path: string, by: string): void {
  const aside = `${by}.earlier.tmp`;
  onDisk(path, () => {
    const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (isThere) renameSync(path, aside);
    try {
      renameSync(by, path);
    } catch (error) {
      if (isThere) renameSync(aside, path);
      throw error;
    }
    rmSync(aside, { recursive: true, force: true });
  });
}

/**
 * Writes a whole file or nothing: the bytes go to a temporary neighbour, are synced, and take the final name by
 * rename. Missing parent folders are made.
 *
 * @throws {FileProblem} naming the path, if the disk does not take all of it; an earlier file is then as it was
 */
export function writeFileWhole(path: string, data: string | Uint8Array): void {
  writeChunksWhole(path, [typeof data === "string" ? Buffer.from(data) : data]);
}

/**
 * Writes a large file from pieces, whole or not at all, as {@link writeFileWhole} does but without first joining the
 * pieces in memory. `pieces` is gone through once; if it throws, nothing is left behind. A file that is replaced keeps
 * its mode and owner, and a symbolic link goes on pointing to it.
 *
 * @throws {FileProblem} as {@link writeFileWhole}
 */
export function writeChunksWhole(path: string, pieces: Iterable<Uint8Array>): void {
  writeFilesWhole([[path, pieces]]);
}

/**
 * Writes files that belong together, such as the shards of a model, as {@link writeChunksWhole} does each: none takes its final
 * name before all are complete.
 *
 * @throws {FileProblem} as {@link writeFileWhole}
 */
export function writeFilesWhole(
  files: Iterable<readonly [path: string, pieces: Iterable<Uint8Array>]>,
): void {
  const complete: { path: string; temporary: string; target: string }[] = [];
  try {
    for (const [path, pieces] of files) {
      makeFolder(dirname(path));
      const target = onDisk(path, () => (existsSync(path) ? realpathSync(path) : path));
      const temporary = join(dirname(target), temporaryName());
      complete.push({ path, temporary, target });
      writeNew(path, temporary, pieces, statSync(target, { throwIfNoEntry: false }));
    }
    for (const { path, temporary, target } of complete) onDisk(path, () => renameSync(temporary, target));
  } catch (error) {
    for (const { temporary } of complete) rmSync(temporary, { force: true });
    throw error;
  }
}

/** Writes a temporary file that shall be `path`, in the place of a file of owner and mode `before`. */
function writeNew(
  path: string,
  temporary: string,
  pieces: Iterable<Uint8Array>,
  before: Stats | undefined,
): void {
  const descriptor = onDisk(path, () => openSync(temporary, "wx"));
  try {
    for (const piece of pieces) onDisk(path, () => writeAll(descriptor, piece));
    onDisk(path, () => {
      if (before) dress(descriptor, before);
      fsyncSync(descriptor);
    });
  } finally {
    onDisk(path, () => closeSync(descriptor));
  }
}

/** One call may take a part only: of more than 2 GiB always, and on a disk that is nearly full. */
function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;) {
    const written = writeSync(descriptor, bytes, done, Math.min(bytes.byteLength - done, 1 << 30));
    if (written === 0)
      throw Object.assign(new Error("nothing was taken"), { code: "ENOSPC", syscall: "write" });
    done += written;
  }
}

/** Gives a new file the owner and mode of the one that it replaces. */
function dress(descriptor: number, { uid, gid, mode }: { uid: number; gid: number; mode: number }): void {
  try {
    fchownSync(descriptor, uid, gid);
  } catch (error) {
    // Only the superuser gives files away, and not every disk keeps owners.
    if (!["EPERM", "EINVAL", "ENOSYS", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code!))
      throw error;
  }
  fchmodSync(descriptor, mode & 0o7777);
}

/**
 * Copies a file of any size, whole or not at all.
 * @throws {FileProblem} as {@link writeFileWhole}
 */
export function copyFileWhole(from: string, to: string): void {
  writeChunksWhole(to, piecesOf(from));
}

function* piecesOf(path: string): Generator<Uint8Array> {
  const descriptor = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(1 << 22);
    for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer))
      yield buffer.subarray(0, read);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes `value` as indented JSON with a final newline. */
export function writeJson(path: string, value: unknown): void {
  writeFileWhole(path, `${wellFormedJson(value, 2)}\n`);
}

/** Writes one JSON value a line (JSONL). */
export function writeJsonLines(path: string, rows: readonly unknown[]): void {
  writeFileWhole(path, rows.map((row) => `${wellFormedJson(row)}\n`).join(""));
}

/** A value that fits one CSV field. */
export type CsvValue = string | number | boolean | null | undefined;

/**
 * Writes records as RFC 4180 CSV (fields with commas, quotes or newlines are quoted), header first. The columns are
 * the keys of the first record unless `columns` names them.
 */
export function writeCsv(
  path: string,
  rows: readonly Record<string, CsvValue>[],
  columns?: readonly string[],
): void {
  const fields = [...(columns ?? Object.keys(rows[0] ?? {}))];
  const data = rows.map((row) => fields.map((field) => row[field] ?? ""));
  writeFileWhole(path, `${Papa.unparse({ fields, data }, { newline: "\n" })}\n`);
}

/**
 * Reads a text file in UTF-8, without the byte order mark that some editors put before it.
 *
 * @throws {Error} that names a file in UTF-16, which would come out as noise
 */
export function readText(path: string): string {
  return decodeText(readFileSync(path), path);
}

/** The text of a file's bytes, as {@link readText} has it. */
export function decodeText(bytes: Uint8Array, path: string): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw new Error(`${path}: its text is in UTF-16; save it as UTF-8`);
  return new TextDecoder().decode(bytes);
}

/**
 * The path itself if it is a file, else every file below it, in order of names. Symbolic links are followed (a Hugging Face
 * cache is made of them), but not back into a folder that they lie in; those that lead nowhere are left out, and so are
 * the unfinished files and folders (`.….tmp`) that a killed process left.
 *
 * @param levels how many folders deep
 */
export function filesOf(path: string, levels = Infinity): string[] {
  return listFiles(path, levels, []);
}

function listFiles(path: string, levels: number, above: readonly string[]): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return [path];
  if (!found?.isDirectory() || levels < 0) return [];
  const real = realpathSync(path);
  if (above.includes(real)) return [];
  return readdirSync(path)
    .sort()
    .filter((name) => !(name.startsWith(".") && name.endsWith(".tmp")))
    .flatMap((name) => listFiles(join(path, name), levels - 1, [...above, real]));
}

/** Reads a JSON file; one that is missing, malformed or not JSON at all is an error that names the file and what it is. */
export function readJson(path: string): unknown {
  if (!existsSync(path)) throw new Error(`${path}: no such file`);
  if (isFolder(path)) throw new Error(`${path}: a folder, where a JSON file is needed`);
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const other = disguise(path);
    if (other !== undefined) throw new Error(`${path} ${other}`, { cause });
    throw new Error(`${path}: not valid JSON (${(cause as Error).message})`, { cause });
  }
}

/** SHA-256 of a file's bytes, in lower-case hexadecimal, read as a stream. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** SHA-256 of bytes or UTF-8 text, in lower-case hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
