import { isUtf8 } from "node:buffer";

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
  /** As many as the header has. */
  fields: string[];
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const LF = 0x0a;
const CR = 0x0d;

/**
 * Parses a whole CSV file (RFC 4180: comma-separated, fields with commas, quotes or line breaks in double quotes, a
 * quote inside them doubled; records end with LF, CRLF or CR; UTF-8, with or without a byte order mark). Empty lines
 * between records are passed over. It works on bytes and makes each field's string once.
 *
 * @param path named in errors
 * @throws {CsvError} for an empty file, another encoding, an unclosed or stray quote, or a record whose number of
 *   fields differs from the header's; nothing is returned then
 */
export function parseCsv(bytes: Uint8Array, path: string): CsvTable {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  requireUtf8(data, path);
  const byteOrderMark = data.length >= 3 && data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf;
  const records: CsvRow[] = [];
  let position = byteOrderMark ? 3 : 0;
  let line = 1;
  while (position < data.length) {
    const start = position;
    const fields: string[] = [];
    let ended = false;
    while (!ended) {
      let end: number;
      if (data[position] === QUOTE) {
        end = closingQuote(data, position + 1);
        if (end < 0) {
          throw new CsvError(
            path,
            line + countLines(data, start, position),
            "a quoted field opens here and never closes",
          );
        }
        const text = data.toString("utf8", position + 1, end);
        fields.push(data.indexOf(QUOTE, position + 1) === end ? text : text.replaceAll('""', '"'));
        end++;
      } else {
        end = position;
        while (end < data.length && !isDelimiter(data[end]!)) {
          if (data[end] === QUOTE) throw stray(data, start, end, line, path);
          end++;
        }
        fields.push(data.toString("utf8", position, end));
      }
      const next = data[end];
      if (next !== undefined && !isDelimiter(next)) throw stray(data, start, end, line, path);
      position = end + (next === CR && data[end + 1] === LF ? 2 : 1);
      ended = next !== COMMA;
    }
    const blank = fields.length === 1 && fields[0] === "" && data[start] !== QUOTE;
    if (!blank) {
      const expected = records[0]?.fields.length ?? fields.length;
      if (fields.length !== expected) {
        throw new CsvError(
          path,
          line,
          `this record has ${fields.length} field${fields.length === 1 ? "" : "s"}, the header has ${expected}`,
        );
      }
      records.push({ line, fields });
    }
    line += countLines(data, start, Math.min(position, data.length));
  }
  const [header, ...rows] = records;
  if (!header) throw new CsvError(path, 1, "the file is empty");
  return { header: header.fields, rows, byteOrderMark };
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === LF || byte === CR;
}

/** Index of the quote that ends a field whose text starts at `from`, or -1. */
function closingQuote(data: Buffer, from: number): number {
  let quote = data.indexOf(QUOTE, from);
  while (quote >= 0 && data[quote + 1] === QUOTE) quote = data.indexOf(QUOTE, quote + 2);
  return quote;
}

/** Line breaks (LF, CRLF or CR) in a range. */
function countLines(data: Buffer, start: number, end: number): number {
  let lines = 0;
  for (let i = start; i < end; i++) {
    const byte = data[i];
    if (byte === LF || (byte === CR && data[i + 1] !== LF)) lines++;
  }
  return lines;
}

function stray(data: Buffer, start: number, at: number, line: number, path: string): CsvError {
  const where = line + countLines(data, start, at);
  return new CsvError(
    path,
    where,
    "a quote is neither at a field's border nor doubled; fields with quotes must be quoted and their quotes doubled",
  );
}

function requireUtf8(data: Buffer, path: string): void {
  const [first, second] = data;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new CsvError(path, 1, "the file is UTF-16; save it as UTF-8");
  }
  const nul = data.indexOf(0);
  if (nul >= 0) {
    throw new CsvError(
      path,
      1 + countLines(data, 0, nul),
      "a NUL byte: this is UTF-16 or no text; save it as UTF-8",
    );
  }
  if (isUtf8(data)) return;
  const bad = firstInvalidByte(data);
  throw new CsvError(
    path,
    1 + countLines(data, 0, bad),
    `byte 0x${data[bad]!.toString(16).padStart(2, "0")} is not UTF-8 text; if the file is Windows-1252 or Latin-1, save it as UTF-8`,
  );
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
