import { constants, isUtf8 } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { disguiseOf, writeChunksWhole } from "../io";
import type { Dialogue } from "./dialogue";
import { formProblem, shown } from "./form";

/** A JSONL file that does not hold dialogues, with the file, the line (from 1) and, in the message, the field. */
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
 * Reads dialogues from a JSONL file, a dialogue a line: `docs/dialogues.md` has the format. Nothing is guessed and nothing is
 * left out: a field that is missing, of another kind or unknown is an error.
 *
 * @throws {Error} if there is no such file
 * @throws {JsonlError} where {@link parseDialogues} fails, or for a file of more than 512 MiB
 */
export function readDialogues(path: string): Dialogue[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new Error(`${path}: no such file`);
  if (!found.isFile()) throw new Error(`${path}: a folder, where a JSONL file is needed`);
  if (found.size > largestFile)
    throw new JsonlError(path, 1, "the file has more than 512 MiB; divide its lines among several files");
  return parseDialogues(readFileSync(path), path);
}

/**
 * Dialogues of a whole JSONL file (UTF-8, with or without a byte order mark; lines end with LF, CRLF or CR). Lines without
 * text are passed over.
 *
 * @param path named in errors
 * @throws {JsonlError} naming line and field of the first dialogue that is not of the format or has the id of an earlier one,
 *   or for a file without dialogues; nothing is returned then
 */
export function parseDialogues(bytes: Uint8Array, path: string): Dialogue[] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const disguise = disguiseOf(data.subarray(0, 1024), data.length);
  if (disguise !== undefined) throw new JsonlError(path, 1, `the file ${disguise}`);
  const dialogues: Dialogue[] = [];
  const check = dialogueCheck(path);
  let line = 0;
  for (const piece of linesOf(data)) {
    line++;
    const text = decodeLine(piece, path, line);
    if (text.trim() !== "") dialogues.push(check(parseLine(text, path, line), line));
  }
  if (dialogues.length === 0) throw new JsonlError(path, 1, "the file has no line with a dialogue");
  return dialogues;
}

/**
 * Writes dialogues to a JSONL file that {@link readDialogues} reads back as they are, whole or not at all. Of objects that are
 * more than a dialogue (rows of a corpus) the dialogue is written.
 *
 * @throws {JsonlError} for a dialogue that the file cannot hold: its id is another one's, too, or a field is not of the
 *   format (a text with half of a character, a score that is not a number, …)
 * @throws {RangeError} without dialogues
 * @throws {FileProblem} if the disk does not take the file
 */
export function writeDialogues(path: string, dialogues: readonly Dialogue[]): void {
  if (dialogues.length === 0) throw new RangeError(`${path}: not written, there is no dialogue to write`);
  writeChunksWhole(path, linesFor(dialogues, path));
}

function* linesFor(dialogues: readonly Dialogue[], path: string): Generator<Uint8Array> {
  const check = dialogueCheck(path);
  for (const [i, { id, personas, turns, meta }] of dialogues.entries()) {
    const dialogue = check(
      {
        id,
        personas: personas.map(({ id, facts, traits }) => ({ id, facts, traits })),
        turns: turns.map(({ speaker, text }) => ({ speaker, text })),
        meta,
      },
      i + 1,
    );
    yield Buffer.from(`${JSON.stringify(dialogue)}\n`);
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

function parseLine(text: string, path: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = (cause as Error).message.replace(/ \(line \d+ column \d+\)/, "");
    throw new JsonlError(
      path,
      line,
      `not valid JSON (${message}); write each dialogue as one JSON object on one line, with no comma after it`,
    );
  }
}

/** Checks the dialogues of one file, one after another: each for its form, and its id against those before. */
function dialogueCheck(path: string): (value: unknown, line: number) => Dialogue {
  const lines = new Map<string, number>();
  return (value, line) => {
    const problem = formProblem(value);
    if (problem !== undefined) throw new JsonlError(path, line, problem);
    const dialogue = value as Dialogue;
    const earlier = lines.get(dialogue.id);
    if (earlier !== undefined) {
      const id = shown(dialogue.id);
      throw new JsonlError(
        path,
        line,
        `id: ${id} is the dialogue of line ${earlier}; give this one another id`,
      );
    }
    lines.set(dialogue.id, line);
    return dialogue;
  };
}
