import type { Dialogue, Turn } from "../dialogue";

/** The three official splits. */
export const splitNames = ["train", "valid", "test"] as const;
export type SplitName = (typeof splitNames)[number];

/** A file of Synthetic-Persona-Chat: an official split, or the second part with new personas. */
export type Part = SplitName | "new-persona";

/** The names a part's file may have in a directory, the corpus' published name last; `.gz` may follow each. */
export const partFiles: Record<Part, readonly string[]> = {
  train: ["train.csv", "Synthetic-Persona-Chat_train.csv"],
  valid: ["valid.csv", "Synthetic-Persona-Chat_valid.csv"],
  test: ["test.csv", "Synthetic-Persona-Chat_test.csv"],
  "new-persona": ["new-persona.csv", "New-Persona-New-Conversations.csv"],
};

/** A gap the generator left open, such as `[User 1's name]`: `text.slice(start, end)` of its turn. */
export interface Placeholder {
  start: number;
  end: number;
}

/** A turn as a line of a conversation; its text has no surrounding space. */
export interface SpcTurn extends Turn {
  /** Index of its line in the conversation's text, from 0. */
  line: number;
  placeholders: readonly Placeholder[];
}

/** `* * *` between scenes; `[Later]`, `(At the park)`, `*At the bar*`; or any other line without a speaker. */
export type AsideKind = "separator" | "stage direction" | "no speaker";

/** A line that no speaker is named for. It is kept, but it is nobody's turn. */
export interface Aside {
  kind: AsideKind;
  text: string;
  /** Index of its line in the conversation's text, from 0. */
  line: number;
}

/** What can be odd about a row, and what one occurrence of it is. */
export const oddities = {
  "empty conversation": "a conversation without any text",
  "blank line": "an empty line inside a conversation",
  "decorated speaker": "a label such as `*User 1:*` or `* User 1:` instead of `User 1:`",
  "empty turn": "a label with nothing said after it",
  "stage direction": "a line in brackets or stars without a speaker",
  separator: "a line of stars or dashes between scenes",
  "no speaker": "any other line without a speaker (a recipe, a remark)",
  "repeated speaker": "a turn by the speaker of the turn before",
  "starts with User 2": "a conversation whose first turn is User 2's",
  placeholder: "a gap left open, such as [User 1's name]",
  "empty persona": "a persona without facts",
  "blank fact": "an empty line inside a persona",
  "broken characters": "U+FFFD, or UTF-8 that was once read as Windows-1252",
} as const;
export type Oddity = keyof typeof oddities;

/** How often each oddity occurs; those that do not occur are absent. */
export type OddityCounts = Partial<Record<Oddity, number>>;

/** One row of the corpus: a dialogue, what its conversation holds beside the turns, and where it stands. */
export interface SpcRow extends Dialogue {
  /** Part and row, e.g. `test-17`; stays the same when the splits are drawn anew. */
  readonly id: string;
  /** The split it is in now; the part itself unless the splits were drawn anew. */
  split: Part;
  /** The file it came from. */
  part: Part;
  /** Row in that file, from 1, the header not counted. */
  row: number;
  /** Line of the file on which the row starts, from 1. */
  fileLine: number;
  readonly turns: readonly SpcTurn[];
  /** Lines without a speaker. */
  asides: Aside[];
  /** The conversation as it was read, lines separated by `\n`. */
  text: string;
  oddities: OddityCounts;
}

export type Splits = Record<SplitName, SpcRow[]>;

/** What was read from one file. */
export interface PartReport {
  part: Part;
  path: string;
  /** SHA-256 of the file as it lies on disk, in hexadecimal. */
  sha256: string;
  /** Size on disk in bytes. */
  bytes: number;
  compressed: boolean;
  /** Whether a UTF-8 byte order mark preceded the header. */
  byteOrderMark: boolean;
  /** What separates its fields. */
  delimiter: string;
  conversations: number;
  turns: number;
  /** For each oddity: how often it occurs, and in how many conversations. */
  oddities: Partial<Record<Oddity, { occurrences: number; conversations: number }>>;
}
