import { max } from "simple-statistics";
import { escapeHtml } from "../text";
import { display, inKernel } from "./display";

/** A frame as danfojs has it: column names and rows of values. */
export interface FrameLike {
  columns: readonly string[];
  values: unknown;
}

export interface TableOptions {
  /** Which columns, in which order; all keys of the first row otherwise. */
  columns?: readonly string[];
  caption?: string;
  /**
   * Digits after the decimal point of numbers that are not whole.
   * @default 3
   */
  digits?: number;
}

/**
 * Shows records, or a danfojs frame, as a table: HTML in a notebook (all text escaped), aligned text with it and
 * outside a notebook. Numbers are right-aligned, missing values empty.
 */
export function showTable(
  rows: readonly Readonly<Record<string, unknown>>[] | FrameLike,
  options: TableOptions = {},
): void {
  const bundle = tableBundle(rows, options);
  if (inKernel()) display(bundle);
  else console.log(bundle["text/plain"]);
}

/** The two forms of a table: `text/html` and `text/plain`. */
export function tableBundle(
  rows: readonly Readonly<Record<string, unknown>>[] | FrameLike,
  options: TableOptions = {},
): { "text/html": string; "text/plain": string } {
  const table = layOut(rows, options);
  return { "text/html": tableHtml(table), "text/plain": tableText(table) };
}

interface Table {
  caption: string | undefined;
  columns: { name: string; numeric: boolean }[];
  cells: string[][];
}

function layOut(
  source: readonly Readonly<Record<string, unknown>>[] | FrameLike,
  options: TableOptions,
): Table {
  const rows = isFrame(source) ? frameRows(source) : source;
  const names = options.columns ?? (isFrame(source) ? source.columns : Object.keys(rows[0] ?? {}));
  for (const name of options.columns ?? []) {
    if (rows.length > 0 && !rows.some((row) => name in row)) {
      throw new Error(
        `showTable: no row has a column "${name}" (there are ${Object.keys(rows[0]!).join(", ")})`,
      );
    }
  }
  const columns = names.map((name) => {
    const present = rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
    return { name, numeric: present.length > 0 && present.every(isNumber) };
  });
  const cells = rows.map((row) => names.map((name) => formatValue(row[name], options.digits ?? 3)));
  return { caption: options.caption, columns, cells };
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint";
}

function isFrame(source: readonly unknown[] | FrameLike): source is FrameLike {
  return !Array.isArray(source);
}

function frameRows(frame: FrameLike): Record<string, unknown>[] {
  return (frame.values as unknown[][]).map((values) =>
    Object.fromEntries(frame.columns.map((name, i) => [name, values[i]])),
  );
}

function formatValue(value: unknown, digits: number): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return formatNumber(value, digits);
  return typeof value === "object" ? jsonLike(value, []) : String(value as string | boolean | bigint);
}

/** As JSON has it, and whole numbers of any size; what holds itself is named, not gone into again. */
function jsonLike(value: unknown, above: readonly unknown[]): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (above.includes(value)) return '"[itself]"';
  const path = [...above, value];
  if (Array.isArray(value)) return `[${value.map((item) => jsonLike(item, path)).join(",")}]`;
  if ("toJSON" in value && typeof value.toJSON === "function")
    return jsonLike((value as { toJSON(): unknown }).toJSON(), path);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${jsonLike(field, path)}`).join(",")}}`;
}

/**
 * A number as tables have it: commas from 10,000 on, `digits` after the point where it is not whole. One that these
 * digits would show as zero has two significant digits instead, one of more than 15 digits before the point six.
 */
function formatNumber(value: number, digits: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size >= 1e15)
    return size === Infinity ? `${value < 0 ? "-" : ""}∞` : short(value, 6);
  const [whole, fraction] = (Number.isInteger(value) ? String(size) : size.toFixed(digits)).split(".") as [
    string,
    string?,
  ];
  if (value !== 0 && Number(`${whole}.${fraction ?? 0}`) === 0) return short(value, 2);
  const grouped = Number(whole) >= 10_000 ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
  return `${value < 0 ? "-" : ""}${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** With so many significant digits at most, as JavaScript writes it: `0.0003`, `1e-7`. */
function short(value: number, significant: number): string {
  return String(Number(value.toPrecision(significant)));
}

/** Characters of a cell that is not broken into lines, at most. */
const mostUnbroken = 40;

/** Characters of a caption's line, and the width of one in ems, a little generous. */
const captionLine = { characters: 60, width: 0.55 };

function tableHtml({ caption, columns, cells }: Table): string {
  const align = (numeric: boolean) => `text-align:${numeric ? "right" : "left"}`;
  // Intervals, names and ids stay in one piece; a column with longer texts is broken where it has to be.
  const styles = columns.map(({ numeric }, i) => {
    const unbroken = cells.every((row) => row[i]!.length <= mostUnbroken && !row[i]!.includes("\n"));
    const breakable = cells.some((row) => /[\s-]/.test(row[i]!));
    return align(numeric) + (unbroken && breakable ? ";white-space:nowrap" : "");
  });
  const head = columns
    .map(({ name, numeric }) => `<th style="${align(numeric)}">${escapeHtml(name)}</th>`)
    .join("");
  const body = cells.map(
    (row) =>
      `<tr>${row.map((cell, i) => `<td style="${styles[i]!}">${escapeHtml(cell)}</td>`).join("")}</tr>`,
  );
  // A caption is as wide as its table, however few columns that has.
  const line = Math.min(caption?.length ?? 0, captionLine.characters) * captionLine.width;
  const wide = line > 0 ? ` style="min-width:${Math.ceil(line)}em"` : "";
  const title = caption === undefined ? "" : `<caption>${escapeHtml(caption)}</caption>`;
  return `<table${wide}>${title}<thead><tr>${head}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table>`;
}

function tableText({ caption, columns, cells }: Table): string {
  const lines = [columns.map(({ name }) => name), ...cells].map((row) =>
    row.map((cell) => cell.replace(/\s+/g, " ")),
  );
  const widths = columns.map((_, i) => max(lines.map((row) => row[i]!.length)));
  const text = lines.map((row) =>
    row
      .map((cell, i) => (columns[i]!.numeric ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  text.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return (caption === undefined ? text : [caption, ...text]).join("\n");
}
