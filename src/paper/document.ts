import { numberDocument } from "./numbering";
import type { SourcedValue } from "./sources";
import type { Works } from "./works";

/** A piece of running text. A string is prose as written here, without digits (see `proseWith`). */
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

export interface PaperFigure {
  type: "figure";
  label: string;
  caption: Text;
  /** What it shows, for those who cannot see it. */
  alternative: string;
  wide: boolean;
  /** Its pictures, or why there are none. */
  picture: { svg: string; pdf: Uint8Array } | { missing: string };
}

export type Block = Section | Paragraph | Listing | List | Equation | Table | PaperFigure;

/** A whole paper, in no format: `renderHtml` and `renderLatex` write it. */
export interface PaperDocument {
  title: string;
  authors: readonly string[];
  abstract: Text;
  keywords: readonly string[];
  blocks: readonly Block[];
  /** What can be cited, by key; works that are not cited are not listed. */
  works: Works;
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

/** Every text of the document in reading order, with the place it stands at. */
export function* texts(document: PaperDocument): Generator<{ where: string; text: Text }> {
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
