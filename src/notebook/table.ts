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
  /** Digits after the decimal point of numbers that are not whole. Default 3. */
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

/** `& < > " '` as character references, so that `text` is shown as it is in HTML text and attribute values. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
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
    return { name, numeric: present.length > 0 && present.every((value) => typeof value === "number") };
  });
  const cells = rows.map((row) => names.map((name) => formatValue(row[name], options.digits ?? 3)));
  return { caption: options.caption, columns, cells };
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
  if (typeof value === "number") {
    return Number.isInteger(value) || !Number.isFinite(value)
      ? value.toLocaleString("en-US", { useGrouping: Math.abs(value) >= 10_000 })
      : value.toFixed(digits);
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function tableHtml({ caption, columns, cells }: Table): string {
  const align = (numeric: boolean) => ` style="text-align:${numeric ? "right" : "left"}"`;
  const head = columns.map(({ name, numeric }) => `<th${align(numeric)}>${escapeHtml(name)}</th>`).join("");
  const body = cells.map(
    (row) =>
      `<tr>${row.map((cell, i) => `<td${align(columns[i]!.numeric)}>${escapeHtml(cell)}</td>`).join("")}</tr>`,
  );
  const title = caption === undefined ? "" : `<caption>${escapeHtml(caption)}</caption>`;
  return `<table>${title}<thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

function tableText({ caption, columns, cells }: Table): string {
  const lines = [columns.map(({ name }) => name), ...cells].map((row) =>
    row.map((cell) => cell.replace(/\s+/g, " ")),
  );
  const widths = columns.map((_, i) => Math.max(...lines.map((row) => row[i]!.length)));
  const text = lines.map((row) =>
    row
      .map((cell, i) => (columns[i]!.numeric ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  text.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return (caption === undefined ? text : [caption, ...text]).join("\n");
}
