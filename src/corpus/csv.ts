import { isUtf8 } from "node:buffer";
import Papa from "papaparse";

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
}

export interface CsvRow {
  /** Line of the file on which the record starts, from 1. */
  line: number;
  /** As many as the header has; line breaks in them are `\n`. */
  fields: string[];
}

/**
 * Parses a whole CSV file (RFC 4180, UTF-8 with or without a byte order mark; records end with LF, CRLF or CR) with
 * papaparse, and refuses what that lets pass: other encodings, records of another width. Empty lines between records
 * are passed over.
 *
 * @param path named in errors
 * @throws {CsvError} for an empty file, another encoding, an unclosed or misplaced quote, or a record whose number of
 *   fields differs from the header's; nothing is returned then
 */
export function parseCsv(bytes: Uint8Array, path: string): CsvTable {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  requireUtf8(data, path);
  const text = unifyLineBreaks(data.toString("utf8"));
  const { data: records, errors } = Papa.parse<string[]>(text, { delimiter: ",", newline: "\n" });
  const [error] = errors;
  if (error) {
    const problem =
      error.code === "MissingQuotes"
        ? "a quoted field opens here and never closes; the file is cut off or lacks a quote"
        : "in the field that opens here a quote stands neither at its border nor doubled; write quotes inside a field twice";
    throw new CsvError(path, 1 + countLineBreaks(text.slice(0, error.index)), problem);
  }
  let line = 1;
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
  return { header, rows, byteOrderMark: text.startsWith("\uFEFF") };
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
    throw new CsvError(path, 1, "the file is UTF-16; save it as UTF-8");
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
    `byte 0x${data[bad]!.toString(16).padStart(2, "0")} is not UTF-8 text; if the file is Windows-1252 or Latin-1, save it as UTF-8`,
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
