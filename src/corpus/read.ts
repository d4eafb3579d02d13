import { readFileSync } from "node:fs";
import { constants, gunzipSync } from "node:zlib";
import { sha256 } from "../io";
import { countOddity, parseConversation } from "./conversation";
import { CsvError, parseCsv } from "./csv";
import type { Conversation, Oddity, Part, PartReport } from "./types";

/** The columns of Synthetic-Persona-Chat; others may stand beside them. */
export const corpusColumns = ["user 1 personas", "user 2 personas", "Best Generated Conversation"] as const;

/** The largest size of a decompressed file; the real corpus' largest file has 19 MB. */
const largestFile = 2 ** 30;

/**
 * Reads one file of the corpus, `.csv` or gzipped. Every row becomes a conversation.
 *
 * @throws {CsvError} with file and line where {@link parseCsv} fails, a column is missing, no row follows the header,
 *   or the gzip data are cut off or damaged; nothing is returned then
 */
export function readPart(path: string, part: Part): { conversations: Conversation[]; report: PartReport } {
  const stored = readFileSync(path);
  const compressed = stored[0] === 0x1f && stored[1] === 0x8b;
  const { header, rows, byteOrderMark } = parseCsv(compressed ? gunzip(stored, path) : stored, path);
  const [first, second, text] = corpusColumns.map((name) => columnIndex(header, name, path)) as [
    number,
    number,
    number,
  ];
  if (rows.length === 0) throw new CsvError(path, 1, "a header, but no conversation after it");
  const conversations = rows.map(({ line, fields }, index) =>
    toConversation(fields[first]!, fields[second]!, fields[text]!, part, index + 1, line),
  );
  return {
    conversations,
    report: {
      part,
      path,
      sha256: sha256(stored),
      bytes: stored.length,
      compressed,
      byteOrderMark,
      conversations: conversations.length,
      turns: conversations.reduce((sum, { turns }) => sum + turns.length, 0),
      oddities: countOddities(conversations),
    },
  };
}

/** For each oddity that occurs: how often, and in how many of the conversations. */
export function countOddities(conversations: readonly Conversation[]): PartReport["oddities"] {
  const total: PartReport["oddities"] = {};
  for (const conversation of conversations) {
    for (const [name, times] of Object.entries(conversation.oddities) as [Oddity, number][]) {
      const entry = (total[name] ??= { occurrences: 0, conversations: 0 });
      entry.occurrences += times;
      entry.conversations++;
    }
  }
  return total;
}

function toConversation(
  firstPersona: string,
  secondPersona: string,
  text: string,
  part: Part,
  row: number,
  fileLine: number,
): Conversation {
  const { turns, asides, oddities } = parseConversation(text);
  const personas = [firstPersona, secondPersona].map((persona) => {
    const lines = persona.split("\n").map((fact) => fact.trim());
    const facts = lines.filter((fact) => fact !== "");
    if (facts.length === 0) countOddity(oddities, "empty persona");
    else countOddity(oddities, "blank fact", lines.length - facts.length);
    return facts;
  }) as [string[], string[]];
  return {
    id: `${part}-${row}`,
    split: part,
    part,
    row,
    fileLine,
    personas,
    turns,
    asides,
    text,
    oddities,
  };
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
