import { extname } from "node:path";
import { JsonlError, parseJsonLines, readJsonlFile } from "../corpus";
import { readText } from "../io";
import type { ScoredText } from "./scorer";

/** A text with the label that somebody gave it. */
export interface LabelledText {
  readonly text: ScoredText;
  /** Its index among the labels. */
  readonly label: number;
  /** What kind of example it is, where its row says so. */
  readonly kind?: string;
  /** What it belongs to with others, where its row says so: a persona, a dialogue. Folds keep it together. */
  readonly group?: string;
}

/** What a file's rows are read as. */
export interface RowsForm {
  /** The fields that are read: `["premise", "hypothesis"]`, `["text"]`. */
  readonly reads: readonly string[];
  /** The field `label` is one of these. */
  readonly labels: readonly string[];
}

/** What Dialogue NLI calls the labels. */
const dialogueNli: Readonly<Record<string, string>> = {
  positive: "entailment",
  neutral: "neutral",
  negative: "contradiction",
};

/**
 * Reads labelled texts: from JSONL a row a line, with the fields that are read, `label` and, perhaps, `kind` and
 * `group` (others are passed over); or from the text files of Dialogue NLI (.txt), a line each of `premise</s>hypothesis</s>negative`.
 *
 * @throws {Error} naming file, line and field of what is not so
 */
export function readLabelledTexts(path: string, form: RowsForm): LabelledText[] {
  const rows = extname(path) === ".txt" ? dialogueNliRows(path, form) : jsonlRows(path, form);
  if (rows.length === 0) throw new Error(`${path}: no rows`);
  return rows;
}

function jsonlRows(path: string, form: RowsForm): LabelledText[] {
  return [...parseJsonLines(readJsonlFile(path), path, "a labelled text")].map(({ value, line }) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new JsonlError(
        path,
        line,
        `a line must be an object with ${[...form.reads, "label"].join(", ")}`,
      );
    const row = value as Record<string, unknown>;
    const parts = form.reads.map((field) => {
      const part = row[field];
      if (typeof part !== "string" || part.trim() === "")
        throw new JsonlError(path, line, `${field}: must be text, not ${JSON.stringify(part) ?? "left out"}`);
      return part;
    });
    const { kind, group } = row;
    return {
      text: scoredText(parts),
      label: labelOf(row["label"], form, (problem) => new JsonlError(path, line, problem)),
      ...(typeof kind === "string" && { kind }),
      ...(typeof group === "string" && { group }),
    };
  });
}

function dialogueNliRows(path: string, form: RowsForm): LabelledText[] {
  const lines = readText(path).split(/\r?\n/);
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    const parts = line.split("</s>").map((part) => part.trim());
    const label = parts.pop();
    const wrong = (problem: string) => new Error(`${path}, line ${i + 1}: ${problem}`);
    if (parts.length !== form.reads.length || parts.includes(""))
      throw wrong(`must be ${[...form.reads, "label"].join("</s>")}`);
    const named = label === undefined ? undefined : (dialogueNli[label] ?? label);
    return [{ text: scoredText(parts), label: labelOf(named, form, wrong) }];
  });
}

function labelOf(label: unknown, { labels }: RowsForm, wrong: (problem: string) => Error): number {
  const at = labels.indexOf(label as string);
  if (at < 0)
    throw wrong(`label: must be one of ${labels.join(", ")}, not ${JSON.stringify(label) ?? "left out"}`);
  return at;
}

const scoredText = (parts: readonly string[]): ScoredText =>
  parts.length === 1 ? parts[0]! : (parts as [string, string]);
