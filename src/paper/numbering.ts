import type { PaperDocument, Text } from "./document";
import { findWork } from "./works";

export interface Numbering {
  /** The number printed for each label: `IV-B` for a section, `II` for a table, `3` for a figure or an equation. */
  labels: Map<string, string>;
  /** The printed number before each section's title (`IV`, `B`), in the order of the sections. */
  sections: string[];
  /** Citation keys in the order of their first appearance: the numbers of the references. */
  citations: string[];
}

/** Labels and keys are anchors in HTML, labels in LaTeX, names of files. */
const plainName = /^[A-Za-z0-9][\w:.-]*$/;

/**
 * Numbers everything as IEEE does: sections and tables in Roman numerals, subsections in letters, figures in digits.
 *
 * @throws {Error} that names a label or key of other characters than letters, digits and `:._-`, a label that is given
 * twice, one that is referred to and not there, figures whose pictures would be one file, a citation that the document's
 * works do not have, or a table with a row that has not one cell for each column
 */
export function numberDocument({ abstract, blocks, works }: PaperDocument): Numbering {
  const labels = new Map<string, string>();
  const sections: string[] = [];
  const citations: string[] = [];
  const references = new Set<string>();
  const files = new Set<string>();
  const counts = { section: 0, subsection: 0, table: 0, figure: 0, equation: 0 };
  const note = (label: string | undefined, number: string) => {
    if (label === undefined) return;
    requirePlain(label, "label");
    if (labels.has(label)) throw new Error(`the label "${label}" is given twice`);
    labels.set(label, number);
  };
  const gather = (text: Text) => {
    for (const piece of text) {
      if (typeof piece === "string") continue;
      if (piece.type === "reference") references.add(piece.label);
      if (piece.type !== "citation") continue;
      for (const key of piece.keys) {
        if (citations.includes(key)) continue;
        requirePlain(key, "citation key");
        findWork(works, key);
        citations.push(key);
      }
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
      for (const { length } of block.groups.flat()) {
        if (length === block.columns.length) continue;
        throw new Error(
          `the table "${block.label}" has a row of ${length} cells for ${block.columns.length} columns`,
        );
      }
      for (const text of [block.caption, ...block.columns.map(({ title }) => title), ...block.groups.flat(2)])
        gather(text);
      gather(block.note ?? []);
    } else if (block.type === "figure" || block.type === "equation") {
      note(block.label, String(++counts[block.type]));
      if (block.type !== "figure") continue;
      const file = figureFile(block.label);
      if (files.has(file)) throw new Error(`two figures have the file ${file}: give one another label`);
      files.add(file);
      gather(block.caption);
    } else if (block.type === "list") {
      block.items.forEach(gather);
    } else if (block.type === "paragraph") gather(block.text);
  }
  for (const label of references)
    if (!labels.has(label)) throw new Error(`the paper refers to "${label}", which is not in it`);
  return { labels, sections, citations };
}

function requirePlain(name: string, what: string): void {
  if (!plainName.test(name))
    throw new Error(
      `the ${what} ${JSON.stringify(name)} may have letters, digits, ":", ".", "_" and "-" only`,
    );
}

/** The file of a figure's picture, beside the LaTeX source: `figures/curves.pdf` for the label `fig:curves`. */
export function figureFile(label: string): string {
  return `figures/${label.replace(/^fig:/, "").replaceAll(":", "-")}.pdf`;
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
