/** Errors as Jupyter has them: a name, a message and a traceback in the notebook's own lines. */
import { inspect } from "node:util";
import type { CellDiagnostic, PlaceInCell } from "./compiler";

export interface Failure {
  ename: string;
  evalue: string;
  traceback: string[];
}

/** The cells that have run, by their name in stack traces (`cell:3`). */
export interface Cells {
  sources: ReadonlyMap<string, string>;
  places: ReadonlyMap<string, PlaceInCell>;
}

/** What to say about a thrown value. */
export function describeError(thrown: unknown, cells: Cells): Failure {
  return describe(thrown, cells, []);
}

/** `above` are the errors that led to this one: an error can be among its own causes. */
function describe(thrown: unknown, cells: Cells, above: readonly unknown[]): Failure {
  if (!isErrorLike(thrown)) {
    const text = inspect(thrown);
    return { ename: "Thrown", evalue: text, traceback: [`Thrown, and not an Error: ${text}`] };
  }
  const evalue = String(thrown.message);
  const ename = typeof thrown.name === "string" && thrown.name ? thrown.name : "Error";
  if (above.includes(thrown))
    return { ename, evalue, traceback: [`${ename}: ${evalue} (the same as above)`] };
  const path = [...above, thrown];
  return { ename, evalue, traceback: [...trace(thrown, cells, path), ...causes(thrown, cells, path)] };
}

/** What to say about a cell that does not compile. */
export function describeDiagnostics(found: readonly CellDiagnostic[], name: string, source: string): Failure {
  const lines = found.map(({ offset, message, code, file }) => {
    if (file !== undefined) return [`${file}: ${message} (TS${code})`];
    const { line, column } = positionOf(source, offset);
    return [`${placeName(name)}, line ${line + 1}: ${message} (TS${code})`, ...excerpt(source, line, column)];
  });
  const [first] = found;
  return {
    ename: "TypeScriptError",
    evalue: first
      ? `${first.message} (TS${first.code})${found.length > 1 ? ` and ${found.length - 1} more` : ""}`
      : "",
    traceback: lines.flat(),
  };
}

interface ErrorLike {
  name?: unknown;
  message: unknown;
  stack?: string | undefined;
  cause?: unknown;
  errors?: unknown;
}

/** An Error of another realm is one too. */
function isErrorLike(value: unknown): value is ErrorLike {
  return (
    typeof value === "object" &&
    value !== null &&
    "message" in value &&
    typeof (value as ErrorLike).stack === "string"
  );
}

function trace(error: ErrorLike, cells: Cells, path: readonly unknown[]): string[] {
  const frames: string[] = [];
  let shown: string[] = [];
  for (const line of String(error.stack).split("\n")) {
    if (!/^\s+at /.test(line) || /node:|[\\/]tslab[\\/]dist[\\/]|[\\/]jupyter[\\/]kernel[\\/]/.test(line))
      continue;
    const found = /\b(cell:\d+):(\d+):(\d+)/.exec(line);
    if (!found) {
      frames.push(line);
      continue;
    }
    const [whole, name, atLine, atColumn] = found as unknown as [string, string, string, string];
    const place = cells.places.get(name)?.(Number(atLine) - 1, Number(atColumn) - 1);
    if (!place || place.line < 0) continue; // tslab's wrapping around the cell
    const where = line.replace(whole, `${placeName(name)}, line ${place.line + 1}`);
    if (frames.at(-1) === where) continue;
    if (shown.length === 0) shown = excerpt(cells.sources.get(name) ?? "", place.line, place.column);
    frames.push(where);
  }
  const aggregated = Array.isArray(error.errors)
    ? error.errors.flatMap((one) => describe(one, cells, path).traceback)
    : [];
  return [`${String(error.name)}: ${String(error.message)}`, ...frames, ...shown, ...aggregated];
}

function causes(error: ErrorLike, cells: Cells, path: readonly unknown[]): string[] {
  if (error.cause === undefined) return [];
  const [first, ...rest] = describe(error.cause, cells, path).traceback;
  return [`Caused by ${first ?? ""}`, ...rest];
}

const placeName = (name: string) => `In [${name.slice("cell:".length)}]`;

/** Lines around one, with a mark under the column. */
function excerpt(source: string, line: number, column: number): string[] {
  const lines = source.split("\n");
  const width = String(line + 2).length;
  const numbered = (at: number) =>
    `${at === line ? ">" : " "} ${String(at + 1).padStart(width)} | ${lines[at]!}`;
  const around = [line - 1, line, line + 1].filter((at) => at >= 0 && at < lines.length);
  return around.flatMap((at) =>
    at === line ? [numbered(at), `  ${" ".repeat(width)} | ${" ".repeat(column)}^`] : [numbered(at)],
  );
}

function positionOf(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset).split("\n");
  return { line: before.length - 1, column: before.at(-1)!.length };
}
