import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { CsvError, readCsv } from "../corpus";
import { disguiseOf } from "../io";
import type { Cell, Records } from "./tables";

/**
 * What a file's name says that it holds.
 * @throws {Error} for a file that is missing or of another kind
 */
export function tableKind(path: string): "csv" | "json" {
  if (!existsSync(path)) throw new Error(`${path}: no such file`);
  const kind = /\.(csv|json|jsonl)(\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  if (!kind) throw new Error(`${path}: not a .csv, .json or .jsonl file`);
  return kind === "csv" ? "csv" : "json";
}

/**
 * A CSV file as records. A column is of numbers where every value is written as JSON writes numbers, of booleans where
 * every one is `true` or `false`, else of text; empty fields are null in all of them. So `007`, dates and whole numbers
 * beyond ±2⁵³ stay text, with all of their characters. A column without a name is `column0`, by its place.
 *
 * @throws {CsvError} where `readCsv` fails, or two columns have one name
 */
export function csvRecords(path: string): { columns: string[]; records: Records } {
  const { header, rows } = readCsv(path);
  const columns = header.map((name, i) => name || `column${i}`);
  const twice = columns.find((name, i) => columns.indexOf(name) < i);
  if (twice !== undefined) throw new CsvError(path, 1, `two columns are called ${JSON.stringify(twice)}`);
  const readers = columns.map((_, i) => cellReader(rows.map(({ fields }) => fields[i]!)));
  return {
    columns,
    records: rows.map(({ fields }) =>
      Object.fromEntries(columns.map((name, i) => [name, fields[i] === "" ? null : readers[i]!(fields[i]!)])),
    ),
  };
}

function cellReader(fields: readonly string[]): (text: string) => Cell {
  const filled = fields.filter((text) => text !== "");
  if (filled.every((text) => text === "true" || text === "false")) return (text) => text === "true";
  return filled.every(isNumber) ? Number : (text) => text;
}

function isNumber(text: string): boolean {
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) return false;
  return /^-?\d+$/.test(text) ? Number.isSafeInteger(Number(text)) : Number.isFinite(Number(text));
}

/**
 * DuckDB's types for the columns of a JSON file: an array of records, a record a line, or one record. They are those of all
 * values: BIGINT, HUGEINT or DOUBLE, BOOLEAN, VARCHAR, and lists and structs of these. Text that looks like a date or a
 * number is text.
 *
 * @throws {Error} for a file that is no such JSON, naming the line
 * @throws {TypeError} for a column with values of different kinds
 */
export function jsonColumns(path: string): Record<string, string> {
  const stored = readFileSync(path);
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? gunzipSync(stored) : stored;
  const disguise = disguiseOf(bytes);
  if (disguise !== undefined) throw new Error(`${path} ${disguise}`);
  const fields = new Map<string, unknown[]>();
  for (const record of jsonRecords(bytes.toString("utf8").replace(/^\uFEFF/, ""), path)) {
    if (kindOf(record) !== "object")
      throw new Error(`${path}: a ${kindOf(record)}, where a record should be`);
    collect(fields, record as object);
  }
  return Object.fromEntries(
    [...fields].map(([name, values]) => [name, jsonType(values, `${path}, ${name}`)]),
  );
}

function jsonRecords(text: string, path: string): unknown[] {
  try {
    const whole: unknown = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    return text.split("\n").flatMap((line, i): unknown[] => {
      if (line.trim() === "") return [];
      try {
        return [JSON.parse(line)];
      } catch (cause) {
        throw new Error(`${path}, line ${i + 1}: not valid JSON (${(cause as Error).message})`, { cause });
      }
    });
  }
}

function collect(fields: Map<string, unknown[]>, record: object): void {
  for (const [name, value] of Object.entries(record)) {
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
}

const kindOf = (value: unknown) => (Array.isArray(value) ? "list" : value === null ? "null" : typeof value);

function jsonType(values: readonly unknown[], where: string): string {
  const present = values.filter((value) => value !== null);
  const [kind, other] = new Set(present.map(kindOf));
  if (other !== undefined) throw new TypeError(`${where}: both ${kind} and ${other} values`);
  if (kind === "boolean") return "BOOLEAN";
  if (kind === "number") return numberType(present as number[]);
  if (kind === "list") return `${jsonType((present as unknown[][]).flat(), `${where}[]`)}[]`;
  if (kind !== "object") return "VARCHAR";
  const fields = new Map<string, unknown[]>();
  for (const record of present) collect(fields, record as object);
  if (fields.size === 0) return "JSON";
  const types = [...fields].map(([name, own]) => `${identifier(name)} ${jsonType(own, `${where}.${name}`)}`);
  return `STRUCT(${types.join(", ")})`;
}

function numberType(values: readonly number[]): string {
  if (!values.every((value) => Number.isInteger(value) && Math.abs(value) <= 2 ** 64)) return "DOUBLE";
  return values.every((value) => Math.abs(value) < 2 ** 63) ? "BIGINT" : "HUGEINT";
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
