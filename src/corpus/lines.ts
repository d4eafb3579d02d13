import { constants, isUtf8 } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { disguiseOf } from "../io";

/** A JSONL file that does not hold what it should, with the file, the line (from 1) and, in the message, the field. */
export class JsonlError extends Error {
  override name = "JsonlError";

  constructor(
    readonly path: string,
    readonly line: number,
    problem: string,
  ) {
    super(`${path}, line ${line}: ${problem}`);
  }
}

/** The largest size of a file: what fits one of JavaScript's strings, so that every line does. */
const largestFile = constants.MAX_STRING_LENGTH;

/**
 * The bytes of a JSONL file.
 *
 * @throws {Error} if there is no such file
 * @throws {JsonlError} for a file of more than 512 MiB
 */
export function readJsonlFile(path: string): Uint8Array {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new Error(`${path}: no such file`);
  if (!found.isFile()) throw new Error(`${path}: a folder, where a JSONL file is needed`);
  if (found.size > largestFile)
    throw new JsonlError(path, 1, "the file has more than 512 MiB; divide its lines among several files");
  return readFileSync(path);
}

/**
 * The values of a whole JSONL file, each with its line (from 1): UTF-8, with or without a byte order mark; lines end with LF,
 * CRLF or CR. Lines without text are passed over.
 *
 * @param path named in errors
 * @param what what a line holds, for errors
 * @throws {JsonlError} naming the first line that is not UTF-8 or not JSON, or for a file that is no text at all
 */
export function* parseJsonLines(
  bytes: Uint8Array,
  path: string,
  what: string,
): Generator<{ value: unknown; line: number }> {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const disguise = disguiseOf(data.subarray(0, 1024), data.length);
  if (disguise !== undefined) throw new JsonlError(path, 1, `the file ${disguise}`);
  let line = 0;
  for (const piece of linesOf(data)) {
    line++;
    const text = decodeLine(piece, path, line);
    if (text.trim() !== "") yield { value: parseLine(text, { path, line, what }), line };
  }
}

function* linesOf(data: Buffer): Generator<Buffer> {
  const [LF, CR] = [0x0a, 0x0d];
  for (let start = 0; start < data.length;) {
    let end = start;
    while (end < data.length && data[end] !== LF && data[end] !== CR) end++;
    yield data.subarray(start, end);
    start = end + (data[end] === CR && data[end + 1] === LF ? 2 : 1);
  }
}

function decodeLine(bytes: Buffer, path: string, line: number): string {
  if (!isUtf8(bytes) || bytes.includes(0))
    throw new JsonlError(path, line, "the line is not text in UTF-8; save the file as UTF-8");
  return bytes.toString("utf8").replace(/^\uFEFF/, ""); // also where files with a mark were joined
}

function parseLine(
  text: string,
  { path, line, what }: { path: string; line: number; what: string },
): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = (cause as Error).message.replace(/ \(line \d+ column \d+\)/, "");
    throw new JsonlError(
      path,
      line,
      `not valid JSON (${message}); write each ${what} as one JSON object on one line, with no comma after it`,
    );
  }
}
