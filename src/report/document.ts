import type { SourcedValue } from "./sources";

/** A piece of running text. A string is prose as written here, without digits (see {@link prose}). */
export type Inline =
  | string
  /** Text from data: names of variants, generated text, anything. It is shown as it is. */
  | { type: "data"; text: string }
  | { type: "code"; text: string }
  | { type: "emphasis"; text: string }
  /** A value that a file holds, or one that is missing. */
  | { type: "value"; value: SourcedValue }
  /** Inline mathematics, in the LaTeX that KaTeX knows. */
  | { type: "math"; latex: string }
  | { type: "citation"; keys: readonly string[] }
  /** The number of a section, table, figure or equation with this label. */
  | { type: "reference"; label: string };

export type Text = readonly Inline[];

export interface Section {
  type: "section";
  level: 1 | 2;
  title: string;
  label?: string;
}

export interface Paragraph {
  type: "paragraph";
  text: Text;
  /** Goes on after an equation, without an indent. */
  continued?: boolean;
}

/** A line of code. */
export interface Listing {
  type: "listing";
  text: string;
}

export interface List {
  type: "list";
  items: readonly Text[];
}

export interface Equation {
  type: "equation";
  latex: string;
  label: string;
}

export interface Column {
  title: Text;
  align: "left" | "right";
  /** Share of the table's width, for columns of running text, whose lines are broken. */
  width?: number;
}

export interface Table {
  type: "table";
  label: string;
  caption: Text;
  columns: readonly Column[];
  /** Groups of rows, with a rule between them. */
  groups: readonly (readonly (readonly Text[])[])[];
  /** Over both columns of the page. */
  wide: boolean;
  /** Below the table. */
  note?: Text;
}

export interface ReportFigure {
  type: "figure";
  label: string;
  caption: Text;
  /** What it shows, for those who cannot see it. */
  alternative: string;
  wide: boolean;
  /** Its pictures, or why there are none. */
  picture: { svg: string; pdf: Uint8Array } | { missing: string };
}

export type Block = Section | Paragraph | Listing | List | Equation | Table | ReportFigure;

/** A whole report, in no format: {@link renderHtml} and {@link renderLatex} write it. */
export interface ReportDocument {
  title: string;
  authors: readonly string[];
  abstract: Text;
  keywords: readonly string[];
  blocks: readonly Block[];
}

/** Names in prose that have a digit in them and are no numbers. */
const names = /FLAN-T5|\bT5\b|BM25|ROUGE-L|SHA-256|AdamW|LoRA/g;

/** What {@link prose} takes: pieces of text, or several of them. */
export type Piece = Inline | Text;

/**
 * Running text as a template literal with pieces put in. The literal itself may hold no digit outside of
 * {@link names}: a number in the report is a value of a file, never something written here.
 *
 * @example prose`The retrieved answer reaches ${score} in ROUGE-L ${cite("lin2004")}.`
 * @throws {Error} that quotes the text with the digit
 */
export function prose(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Text {
  const text: Inline[] = [];
  strings.forEach((string, i) => {
    if (/\p{Nd}/u.test(string.replace(names, ""))) {
      throw new Error(
        `the report's prose must take its numbers from files, but has a digit: ${JSON.stringify(string)}`,
      );
    }
    const plain = string.replace(/\s+/g, " ").replaceAll("'", "’");
    if (plain !== "") text.push(plain);
    const piece = pieces[i];
    if (Array.isArray(piece)) text.push(...(piece as Text));
    else if (piece !== undefined) text.push(piece as Inline);
  });
  return text;
}

export const cite = (...keys: string[]): Inline => ({ type: "citation", keys });
export const refer = (label: string): Inline => ({ type: "reference", label });
export const math = (latex: string): Inline => ({ type: "math", latex });
export const code = (text: string): Inline => ({ type: "code", text });
export const data = (text: string): Inline => ({ type: "data", text });
export const emphasis = (text: string): Inline => ({ type: "emphasis", text });
export const show = (value: SourcedValue): Inline => ({ type: "value", value });

export const section = (title: string, label?: string): Section => ({
  type: "section",
  level: 1,
  title,
  ...(label ? { label } : {}),
});
export const subsection = (title: string, label?: string): Section => ({
  ...section(title, label),
  level: 2,
});
export const paragraph = (text: Text): Paragraph => ({ type: "paragraph", text });
export const continued = (text: Text): Paragraph => ({ type: "paragraph", text, continued: true });

/** Texts in a row: "a", "a and b", "a, b, and c". */
export function enumerate(texts: readonly Piece[]): Text {
  return texts.flatMap((text, i): Inline[] => {
    const last = i === texts.length - 1;
    const before = i === 0 ? [] : [texts.length === 2 ? " and " : last ? ", and " : ", "];
    return [...before, ...((Array.isArray(text) ? text : [text]) as Inline[])];
  });
}

/** Every text of the document in reading order, with the place it stands at. */
export function* texts(document: ReportDocument): Generator<{ where: string; text: Text }> {
  yield { where: "abstract", text: document.abstract };
  const { labels } = numberDocument(document);
  const place = (label: string) => labels.get(label) ?? label;
  let heading = "";
  for (const block of document.blocks) {
    if (block.type === "section") heading = block.title;
    if (block.type === "paragraph") yield { where: heading, text: block.text };
    if (block.type === "list") for (const text of block.items) yield { where: heading, text };
    if (block.type === "figure") yield { where: `Fig. ${place(block.label)}, caption`, text: block.caption };
    if (block.type !== "table") continue;
    const table = `Table ${place(block.label)}`;
    yield { where: `${table}, caption`, text: block.caption };
    for (const column of block.columns) yield { where: `${table}, head`, text: column.title };
    for (const row of block.groups.flat()) {
      const name = plainText(row[0] ?? []);
      for (const [i, text] of row.entries()) {
        const column = plainText(block.columns[i]?.title ?? []);
        yield { where: `${table}, row "${name}", column "${column}"`, text };
      }
    }
    if (block.note) yield { where: `${table}, note`, text: block.note };
  }
}

/** Text without its typography, for places and alternatives. */
export function plainText(text: Text): string {
  return text
    .map((piece) => {
      if (typeof piece === "string") return piece;
      if (piece.type === "value") return piece.value.printed;
      if (piece.type === "math") return piece.latex;
      if (piece.type === "citation" || piece.type === "reference") return "";
      return piece.text;
    })
    .join("");
}

export interface Numbering {
  /** The number printed for each label: `IV-B` for a section, `II` for a table, `3` for a figure or an equation. */
  labels: Map<string, string>;
  /** The printed number before each section's title (`IV`, `B`), in the order of the sections. */
  sections: string[];
  /** Citation keys in the order of their first appearance: the numbers of the references. */
  citations: string[];
}

/** Numbers everything as IEEE does: sections and tables in Roman numerals, subsections in letters, figures in digits. */
export function numberDocument({ abstract, blocks }: ReportDocument): Numbering {
  const labels = new Map<string, string>();
  const sections: string[] = [];
  const citations: string[] = [];
  const counts = { section: 0, subsection: 0, table: 0, figure: 0, equation: 0 };
  const note = (label: string | undefined, number: string) => {
    if (label === undefined) return;
    if (labels.has(label)) throw new Error(`the label "${label}" is given twice`);
    labels.set(label, number);
  };
  const gather = (text: Text) => {
    for (const piece of text) {
      if (typeof piece === "string" || piece.type !== "citation") continue;
      for (const key of piece.keys) if (!citations.includes(key)) citations.push(key);
    }
  };
  gather(abstract);
  for (const block of blocks) {
    if (block.type === "section" && block.level === 1) {
      counts.subsection = 0;
      sections.push(roman(++counts.section));
      note(block.label, roman(counts.section));
    } else if (block.type === "section") {
      const letter = String.fromCharCode(64 + ++counts.subsection);
      sections.push(letter);
      note(block.label, `${roman(counts.section)}-${letter}`);
    } else if (block.type === "table") {
      note(block.label, roman(++counts.table));
      for (const text of [block.caption, ...block.columns.map(({ title }) => title), ...block.groups.flat(2)])
        gather(text);
      gather(block.note ?? []);
    } else if (block.type === "figure" || block.type === "equation") {
      note(block.label, String(++counts[block.type]));
      if (block.type === "figure") gather(block.caption);
    } else if (block.type === "list") {
      block.items.forEach(gather);
    } else if (block.type === "paragraph") gather(block.text);
  }
  return { labels, sections, citations };
}

/** 1–3,999 in Roman numerals. */
export function roman(number: number): string {
  const digits = [
    [1000, "M"],
    [900, "CM"],
    [500, "D"],
    [400, "CD"],
    [100, "C"],
    [90, "XC"],
    [50, "L"],
    [40, "XL"],
    [10, "X"],
    [9, "IX"],
    [5, "V"],
    [4, "IV"],
    [1, "I"],
  ] as const;
  let rest = number;
  let text = "";
  for (const [value, letters] of digits) {
    while (rest >= value) {
      text += letters;
      rest -= value;
    }
  }
  return text;
}
