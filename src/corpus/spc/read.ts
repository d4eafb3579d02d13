import { sha256 } from "../../io";
import { CsvError, readCsv } from "../csv";
import type { Persona } from "../persona";
import { countOddity, parseConversation } from "./conversation";
import type { Oddity, Part, PartReport, SpcRow } from "./types";

/** The columns of Synthetic-Persona-Chat; others may stand beside them. */
export const corpusColumns = ["user 1 personas", "user 2 personas", "Best Generated Conversation"] as const;

/**
 * Reads one file of the corpus, `.csv` or gzipped. Every row becomes a dialogue.
 *
 * @throws {CsvError} with file and line where {@link readCsv} fails, a column is missing, no row follows the header, or
 *   hardly any conversation has turns; nothing is returned then
 */
export function readPart(path: string, part: Part): { rows: SpcRow[]; report: PartReport } {
  const { header, rows: records, byteOrderMark, delimiter, stored, compressed } = readCsv(path);
  const [first, second, text] = corpusColumns.map((name) => columnIndex(header, name, path)) as [
    number,
    number,
    number,
  ];
  if (records.length === 0) throw new CsvError(path, 1, "a header, but no conversation after it");
  const rows = records.map(({ line, fields }, index) =>
    toRow(fields[first]!, fields[second]!, fields[text]!, part, index + 1, line),
  );
  requireTurns(rows, path);
  return {
    rows,
    report: {
      part,
      path,
      sha256: sha256(stored),
      bytes: stored.length,
      compressed,
      byteOrderMark,
      delimiter,
      conversations: rows.length,
      turns: rows.reduce((sum, { turns }) => sum + turns.length, 0),
      oddities: countOddities(rows),
    },
  };
}

/** For each oddity that occurs: how often, and in how many of the rows. */
export function countOddities(rows: readonly SpcRow[]): PartReport["oddities"] {
  const total: PartReport["oddities"] = {};
  for (const row of rows) {
    for (const [name, times] of Object.entries(row.oddities) as [Oddity, number][]) {
      const entry = (total[name] ??= { occurrences: 0, conversations: 0 });
      entry.occurrences += times;
      entry.conversations++;
    }
  }
  return total;
}

function toRow(
  firstPersona: string,
  secondPersona: string,
  text: string,
  part: Part,
  row: number,
  fileLine: number,
): SpcRow {
  const { turns, asides, oddities } = parseConversation(text);
  const toPersona = (persona: string): Persona => {
    const lines = persona.split("\n").map((fact) => fact.trim());
    const facts = lines.filter((fact) => fact !== "");
    if (facts.length === 0) countOddity(oddities, "empty persona");
    else countOddity(oddities, "blank fact", lines.length - facts.length);
    return { facts };
  };
  return {
    id: `${part}-${row}`,
    split: part,
    part,
    row,
    fileLine,
    personas: [toPersona(firstPersona), toPersona(secondPersona)],
    turns,
    asides,
    text,
    oddities,
  };
}

/** Conversations with turns, of those with text, below which a file is taken to have other labels. */
const fewestWithTurns = 0.1;

/**
 * @throws {CsvError} that says what the lines begin with instead, where less than a tenth of the conversations with text
 *   have a turn
 */
function requireTurns(rows: readonly SpcRow[], path: string): void {
  const filled = rows.filter(({ text }) => text.trim() !== "");
  const without = filled.filter(({ turns }) => turns.length === 0);
  const withTurns = filled.length - without.length;
  if (filled.length > 0 && withTurns >= fewestWithTurns * filled.length) return;
  const { fileLine } = without[0] ?? rows[0]!;
  if (filled.length === 0) throw new CsvError(path, fileLine, "no conversation of this file has any text");
  const where = withTurns === 0 ? "" : `in all but ${withTurns} of ${filled.length} conversations `;
  throw new CsvError(
    path,
    fileLine,
    `${where}no line starts with "User 1:" or "User 2:", so there are no turns; ${foundLabels(filled)}`,
  );
}

/** What most often stands before a colon at the beginning of lines. */
function foundLabels(rows: readonly SpcRow[]): string {
  const counts = new Map<string, number>();
  for (const { asides } of rows) {
    const labels = asides.flatMap(({ text }) => /^[^:\n]{1,40}:/.exec(text) ?? []);
    for (const label of new Set(labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const [first, second] = [...counts].sort(([, m], [, n]) => n - m);
  if (!first) return "its lines begin with no label at all. Begin each with who speaks";
  const name = ([label, times]: [string, number]) =>
    `${JSON.stringify(label)} in ${times} of ${rows.length} conversations`;
  return `found ${name(first)}${second ? ` and ${name(second)}` : ""}. Write "User 1:" and "User 2:" in their place`;
}

function columnIndex(header: readonly string[], name: string, path: string): number {
  const matches = header.flatMap((column, index) =>
    column.trim().toLowerCase() === name.toLowerCase() ? [index] : [],
  );
  if (matches.length === 1) return matches[0]!;
  const problem = matches.length === 0 ? `no column "${name}"` : `${matches.length} columns "${name}"`;
  throw new CsvError(
    path,
    1,
    `${problem}; the header has: ${header.map((column) => JSON.stringify(column)).join(", ")}`,
  );
}
