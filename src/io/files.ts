import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import Papa from "papaparse";
import writeFileAtomic from "write-file-atomic";
import { disguise } from "./disguised";

/**
 * Writes a whole file or nothing: the bytes go to a temporary neighbour, are synced, and take the final name by
 * rename. Missing parent folders are made.
 */
export function writeFileWhole(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic.sync(
    path,
    typeof data === "string" ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
}

/**
 * Writes a large file from pieces, whole or not at all, as {@link writeFileWhole} does but without first joining the
 * pieces in memory. `pieces` is gone through once; if it throws, nothing is left behind.
 */
export function writeChunksWhole(path: string, pieces: Iterable<Uint8Array>): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    const descriptor = openSync(temporary, "wx");
    try {
      for (const piece of pieces) {
        for (let done = 0; done < piece.byteLength;) {
          done += writeSync(descriptor, piece, done, Math.min(piece.byteLength - done, 1 << 30));
        }
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Writes `value` as indented JSON with a final newline. */
export function writeJson(path: string, value: unknown): void {
  writeFileWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Writes one JSON value a line (JSONL). */
export function writeJsonLines(path: string, rows: readonly unknown[]): void {
  writeFileWhole(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
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

/** Reads a JSON file; one that is missing, malformed or not JSON at all is an error that names the file and what it is. */
export function readJson(path: string): unknown {
  if (!existsSync(path)) throw new Error(`${path}: no such file`);
  const text = readFileSync(path, "utf8");
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
