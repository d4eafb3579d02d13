import { writeChunksWhole } from "../io";
import type { Dialogue } from "./dialogue";
import { formProblem, shown } from "./form";
import { JsonlError, parseJsonLines, readJsonlFile } from "./lines";

/**
 * Reads dialogues from a JSONL file, a dialogue a line: `docs/dialogues.md` has the format. Nothing is guessed and nothing is
 * left out: a field that is missing, of another kind or unknown is an error.
 *
 * @throws {Error} if there is no such file
 * @throws {JsonlError} where {@link parseDialogues} fails, or for a file of more than 512 MiB
 */
export function readDialogues(path: string): Dialogue[] {
  return dialogueLines(path).map(({ dialogue }) => dialogue);
}

/** The same, each with its line in the file, from 1. */
export function dialogueLines(path: string): { readonly dialogue: Dialogue; readonly line: number }[] {
  return parseLines(readJsonlFile(path), path);
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
  return parseLines(bytes, path).map(({ dialogue }) => dialogue);
}

function parseLines(bytes: Uint8Array, path: string): { dialogue: Dialogue; line: number }[] {
  const dialogues: { dialogue: Dialogue; line: number }[] = [];
  const check = dialogueCheck(path);
  for (const { value, line } of parseJsonLines(bytes, path, "dialogue"))
    dialogues.push({ dialogue: check(value, line), line });
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

const RECORD_REMEDY =
  "is a record of the persona simulator, not a dialogue; make rows of it to train on (unrollRecords), or a dialogue (fromRecord)";
const looksLikeRecord = (value: unknown) =>
  typeof value === "object" && value !== null && "persona_id" in value && !("personas" in value);

/** Checks the dialogues of one file, one after another: each for its form, and its id against those before. */
function dialogueCheck(path: string): (value: unknown, line: number) => Dialogue {
  const lines = new Map<string, number>();
  return (value, line) => {
    const problem = looksLikeRecord(value) ? RECORD_REMEDY : formProblem(value);
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
