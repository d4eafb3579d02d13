import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { constants, gunzipSync } from "node:zlib";
import Papa from "papaparse";
import { disguiseOf } from "../io";

/** A CSV file that cannot be read, with the file and the line (from 1) where it goes wrong. */
export class CsvError extends Error {
  override name = "CsvError";

  constructor(
    readonly path: string,
    readonly line: number,
    problem: string,
  ) {
    super(`${path}, line ${line}: ${problem}`);
  }
}

/** The records of a CSV file after its header. */
export interface CsvTable {
  header: string[];
  rows: CsvRow[];
  /** Whether a UTF-8 byte order mark preceded the header. */
  byteOrderMark: boolean;
  /** What separates fields. */
  delimiter: string;
}

export interface CsvRow {
  /** Line of the file on which the record starts, from 1. */
  line: number;
  /** As many as the header has; line breaks in them are `\n`. */
  fields: string[];
}

/** A CSV file as it lies on disk, and what it holds. */
export interface CsvFile extends CsvTable {
  /** The file's own bytes, compressed if it is. */
  stored: Buffer;
  compressed: boolean;
}

/** The largest size of a decompressed file; the real corpus' largest file has 19 MB. */
const largestFile = 2 ** 30;

/**
 * Reads a CSV file, gzipped or not, as {@link parseCsv} does.
 *
 * @throws {CsvError} where {@link parseCsv} fails, or the gzip data are cut off or damaged
 */
export function readCsv(path: string): CsvFile {
  const stored = readFileSync(path);
  const compressed = stored[0] === 0x1f && stored[1] === 0x8b;
  return { stored, compressed, ...parseCsv(compressed ? gunzip(stored, path) : stored, path) };
}

/**
 * Parses a whole CSV file (RFC 4180, UTF-8 with or without a byte order mark; records end with LF, CRLF or CR) with
 * papaparse, and refuses what that lets pass: other encodings, records of another width. Empty lines between records
 * are passed over. The first record is the header. Fields are separated by what a first line such as `sep=;` names;
 * otherwise by commas, or by semicolons or tabs where only these divide the header.
 *
 * @param path named in errors
 * @throws {CsvError} for an empty file, one that is no text ({@link disguiseOf}), another encoding, an unclosed or misplaced quote, or a record whose number of
 *   fields differs from the header's; nothing is returned then
 */
export function parseCsv(bytes: Uint8Array, path: string): CsvTable {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const disguise = disguiseOf(data);
  if (disguise !== undefined) throw new CsvError(path, 1, `the file ${disguise}`);
  requireUtf8(data, path);
  const whole = unifyLineBreaks(data.toString("utf8"));
  const byteOrderMark = whole.startsWith("\uFEFF");
  const [hint = "", named] = /^\uFEFF?sep=(.)\n/i.exec(whole) ?? [];
  const text = whole.slice(hint.length || Number(byteOrderMark));
  const delimiter = named ?? findDelimiter(text);
  const { data: records, errors } = Papa.parse<string[]>(text, { delimiter, newline: "\n" });
  const firstLine = hint === "" ? 1 : 2;
  const [error] = errors;
  if (error) {
    const problem =
      error.code === "MissingQuotes"
        ? "a quoted field opens here and never closes; the file is cut off or lacks a quote"
        : "in the field that opens here a quote stands neither at its border nor doubled; write quotes inside a field twice";
    throw new CsvError(path, firstLine + countLineBreaks(text.slice(0, error.index)), problem);
  }
  let line = firstLine;
  let header: string[] | undefined;
  const rows: CsvRow[] = [];
  for (const fields of records) {
    if (fields.length > 1 || fields[0] !== "") {
      if (!header) header = fields;
      else {
        requireWidth(fields, header, path, line);
        rows.push({ line, fields });
      }
    }
    line++;
    for (const field of fields) line += countLineBreaks(field);
  }
  if (!header) throw new CsvError(path, 1, "the file is empty");
  return { header, rows, byteOrderMark, delimiter };
}

/** The comma if it divides the header, else whichever one of semicolon and tab does. */
function findDelimiter(text: string): string {
  const dividing = [",", ";", "\t"].filter((delimiter) => {
    const { data, errors } = Papa.parse<string[]>(text.replace(/^\n+/, ""), {
      delimiter,
      newline: "\n",
      preview: 1,
    });
    return errors.length === 0 && data[0] !== undefined && data[0].length > 1;
  });
  return dividing.length === 1 ? dividing[0]! : ",";
}

function requireWidth(fields: string[], header: string[], path: string, line: number): void {
  if (fields.length === header.length) return;
  const has = `${fields.length} field${fields.length === 1 ? "" : "s"}`;
  throw new CsvError(
    path,
    line,
    `this record has ${has}, the header has ${header.length}; quote fields that hold commas or line breaks`,
  );
}

function unifyLineBreaks(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

function countLineBreaks(text: string): number {
  let breaks = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) breaks++;
  return breaks;
}

function requireUtf8(data: Buffer, path: string): void {
  const [first, second] = data;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new CsvError(
      path,
      1,
      'the file is UTF-16 (in Excel "Unicode text"); save it as UTF-8 (in Excel "CSV UTF-8")',
    );
  }
  const nul = data.indexOf(0);
  if (nul >= 0) {
    throw new CsvError(path, lineOf(data, nul), "a NUL byte: this is UTF-16 or no text; save it as UTF-8");
  }
  if (isUtf8(data)) return;
  const bad = firstInvalidByte(data);
  throw new CsvError(
    path,
    lineOf(data, bad),
    `byte 0x${data[bad]!.toString(16).padStart(2, "0")} is not UTF-8 text; if the file is Windows-1252 or Latin-1, save it as UTF-8 (in Excel "CSV UTF-8")`,
  );
}

/** The line on which a byte lies, from 1. */
function lineOf(data: Buffer, index: number): number {
  return 1 + countLineBreaks(unifyLineBreaks(data.toString("latin1", 0, index)));
}

/** Index of the first byte that belongs to no UTF-8 character (found by bisection over the prefixes). */
function firstInvalidByte(data: Buffer): number {
  const isPrefix = (length: number) =>
    isUtf8(data.subarray(0, length)) || isCutUtf8(data.subarray(0, length));
  let good = 0;
  let bad = data.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isPrefix(middle)) good = middle;
    else bad = middle;
  }
  while (!isUtf8(data.subarray(0, good))) good--;
  return good;
}

/** Whether `data` is valid UTF-8 but for a last character that is cut off. */
function isCutUtf8(data: Buffer): boolean {
  for (let cut = 1; cut <= 3 && cut <= data.length; cut++) {
    const lead = data[data.length - cut]!;
    const length = lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (length > cut) return isUtf8(data.subarray(0, data.length - cut));
  }
  return false;
}

function gunzip(stored: Buffer, path: string): Buffer {
  try {
    return gunzipSync(stored, { maxOutputLength: largestFile });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      throw new CsvError(path, 1, `more than ${largestFile / 2 ** 20} MiB when decompressed`);
    }
    throw new CsvError(
      path,
      readableLines(stored),
      `the gzip data are cut off or damaged here (${message}); get the file again`,
    );
  }
}

/** The line up to which cut or damaged gzip data can be read. */
function readableLines(stored: Buffer): number {
  try {
    const text = gunzipSync(stored, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: largestFile });
    return text.reduce((lines, byte) => (byte === 0x0a ? lines + 1 : lines), 1);
  } catch {
    return 1;
  }
}
