import { z } from "zod";
import { didYouMean } from "../text";
import { CsvError, readCsv } from "./csv";
import { fields, problemWith, shown, text } from "./form";
import { JsonlError, parseJsonLines, readJsonlFile } from "./lines";

/** Which of a persona's facts a turn rests on, by its place from 0; `null` for none. */
export type Selection = number | null;

/** A turn with what stands before it, who says it, and which fact it rests on. */
export interface SelectionRow {
  /** Names the row. */
  readonly id: string;
  /** Rows of one dialogue belong together: no split parts them, and they are resampled as one. */
  readonly dialogue: string;
  /** The facts of who speaks. */
  readonly persona: readonly string[];
  /** The facts of whom is spoken to; none where they are not known. */
  readonly partner: readonly string[];
  /** What was said before, by both in turn; the last turn is the other's. */
  readonly history: readonly string[];
  readonly response: string;
  /** Undefined where nobody has said which. */
  readonly label?: Selection;
}

/** The fields that a row of a file may have. */
export const selectionColumns = ["persona", "history", "response", "label"] as const;

/**
 * Reads rows of persona, history, response and label.
 *
 * JSONL, a row a line:
 *
 *     {"persona": ["I sail."], "history": ["What do you do?"], "response": "I sail.", "label": 0}
 *
 * `label` is the place of the fact that the response rests on, from 0; `null` or −1 says that it rests on none, and without it nobody
 * has said. A history is a list of turns by both speakers, the other's last; or of `{"speaker": 1, "text": "…"}`, where `speaker` of
 * the row says who responds, and turns of one speaker in a row are one. `dialogue` names the conversation that a row is from (rows of
 * one persona are one where it is missing), `partner` has the other's facts; `turn` is not read. The list `[persona, history, response,
 * label]` of PAL's released files is a row, too; `person1: ` and `person2: ` before its turns go.
 *
 * CSV (a file whose name ends with `.csv`): columns `persona`, `history`, `response` and, perhaps, `label` and `dialogue`; one fact and one turn
 * a line of their fields; a label is a number, `none` or −1, or nothing.
 *
 * @throws {JsonlError} naming file, line, field and remedy of what is no row, or if the file has none
 * @throws {CsvError} the same of a CSV file
 */
export function readSelections(path: string): SelectionRow[] {
  const rows = /\.csv(\.gz)?$/i.test(path) ? csvRows(path) : jsonRows(path);
  if (rows.length === 0) throw new JsonlError(path, 1, "the file has no row");
  return rows;
}

const facts = z.array(
  text("a fact, a sentence").regex(/\S/, "a fact, a sentence; leave empty ones out"),
  "a list of facts; write [] for a speaker of whom nothing is known",
);
const said = text("what was said").regex(/\S/, "what was said; leave empty turns out");
const speaker = z.union([z.literal(1), z.literal(2)], "1 or 2");
const placed = fields({ speaker, text: said }, 'a turn such as {"speaker": 1, "text": "Hi!"}');
const history = z.array(
  z.union([said, placed], 'a turn: text, or {"speaker": 1, "text": "Hi!"}'),
  "a list of the turns before, the other's last",
);
const label = z.union(
  [z.int().min(-1), z.null()],
  "the place of a fact, from 0, or null for none; leave it out where nobody has said",
);
const form = fields(
  {
    dialogue: text("the dialogue's name").regex(/\S/, "the dialogue's name").optional(),
    turn: z.unknown().optional(),
    persona: facts,
    partner: facts.optional(),
    history,
    speaker: speaker.optional(),
    response: said,
    label: label.optional(),
  },
  'a row such as {"persona": ["I sail."], "history": ["What do you do?"], "response": "I sail.", "label": 0}',
);
type Written = {
  readonly dialogue?: string;
  readonly turn?: unknown;
  readonly persona: readonly string[];
  readonly partner?: readonly string[];
  readonly history: readonly (string | { readonly speaker: 1 | 2; readonly text: string })[];
  readonly speaker?: 1 | 2;
  readonly response: string;
  readonly label?: number | null;
};

function jsonRows(path: string): SelectionRow[] {
  return [...parseJsonLines(readJsonlFile(path), path, "row")].map(({ value, line }) => {
    const refuse = (problem: string): never => {
      throw new JsonlError(path, line, problem);
    };
    const released = Array.isArray(value);
    const written = released ? releasedRow(value, refuse) : value;
    const problem = problemWith(form, written);
    if (problem !== undefined) refuse(problem);
    return rowOf(written as Written, line, refuse);
  });
}

/** PAL's released form: a list, with the speakers' names before what they say. */
function releasedRow(list: readonly unknown[], refuse: (problem: string) => never): unknown {
  if (list.length < 3 || list.length > 4)
    refuse(`a row that is a list has persona, history, response and label, not ${list.length} parts`);
  const unnamed = (turn: unknown) =>
    typeof turn === "string" ? turn.replace(/^\s*person[12]:\s*/i, "") : turn;
  const [persona, before, response, label] = list;
  return {
    persona,
    history: Array.isArray(before) ? before.map(unnamed) : before,
    response: unnamed(response),
    ...(label !== undefined && { label }),
  };
}

function csvRows(path: string): SelectionRow[] {
  const { header, rows } = readCsv(path);
  const names = header.map((name) => name.trim().toLowerCase());
  const known = [...selectionColumns, "dialogue"];
  const missing = selectionColumns.find((name) => name !== "label" && !names.includes(name));
  if (missing !== undefined)
    throw new CsvError(
      path,
      1,
      `there is no column ${missing}; rows have ${selectionColumns.join(", ")}.${didYouMean(missing, names)}`,
    );
  const strange = names.find((name) => !known.includes(name));
  if (strange !== undefined)
    throw new CsvError(
      path,
      1,
      `there is no column ${strange} here; the columns are ${known.join(", ")}.${didYouMean(strange, known)}`,
    );
  return rows.map(({ line, fields: cells }) => {
    const refuse = (problem: string): never => {
      throw new CsvError(path, line, problem);
    };
    const cell = (name: string) => cells[names.indexOf(name)]?.trim() ?? "";
    const lines = (name: string) =>
      cell(name)
        .split("\n")
        .map((one) => one.trim())
        .filter((one) => one !== "");
    const written = {
      ...(cell("dialogue") !== "" && { dialogue: cell("dialogue") }),
      persona: lines("persona"),
      history: lines("history"),
      response: cell("response"),
      ...labelIn(cell("label"), refuse),
    };
    const problem = problemWith(form, written);
    if (problem !== undefined) refuse(problem);
    return rowOf(written, line, refuse);
  });
}

function labelIn(cell: string, refuse: (problem: string) => never): { label?: Selection } {
  if (cell === "") return {};
  if (/^none$/i.test(cell)) return { label: null };
  if (!/^-?\d+$/.test(cell))
    refuse(`label: must be the place of a fact, none, or nothing, not ${shown(cell)}`);
  return { label: Number(cell) };
}

function rowOf(written: Written, line: number, refuse: (problem: string) => never): SelectionRow {
  const { persona, partner = [], response, label: found, turn, dialogue } = written;
  const history = alternating(written, refuse);
  if (history.length === 0)
    refuse("history: must have a turn that is answered; leave responses that open a conversation out");
  const label = found === -1 ? null : found;
  if (typeof label === "number" && label >= persona.length)
    refuse(`label: is ${label}, but the persona has ${persona.length} facts; places begin at 0`);
  return {
    id:
      dialogue !== undefined && Number.isInteger(turn) ? `${dialogue}, turn ${String(turn)}` : `row ${line}`,
    dialogue: dialogue ?? `persona ${JSON.stringify(persona)}`,
    persona,
    partner,
    history,
    response: response.trim(),
    ...(label !== undefined && { label }),
  };
}

/** A history as turns of both in turn. */
function alternating({ history, speaker }: Written, refuse: (problem: string) => never): string[] {
  const named = history.flatMap((turn) => (typeof turn === "string" ? [] : [turn]));
  if (named.length === 0) return history.map((turn) => (turn as string).trim());
  if (named.length < history.length)
    refuse("history: has turns with a speaker and turns without; write all of them in one form");
  if (speaker === undefined)
    refuse("speaker: is missing; it must be 1 or 2, as turns of the history say who speaks");
  const merged = mergeTurns(named);
  if (merged.at(-1)?.speaker === speaker)
    refuse("history: ends with a turn of who responds; write both turns as one response");
  return merged.map(({ text }) => text);
}

/** Turns of one speaker in a row as one; turns without words go. */
export function mergeTurns<T extends { readonly speaker: 1 | 2; readonly text: string }>(
  turns: readonly T[],
): { speaker: 1 | 2; text: string }[] {
  const merged: { speaker: 1 | 2; text: string }[] = [];
  for (const { speaker, text } of turns) {
    const said = text.trim();
    const last = merged.at(-1);
    if (said === "") continue;
    if (last?.speaker === speaker) last.text += ` ${said}`;
    else merged.push({ speaker, text: said });
  }
  return merged;
}
