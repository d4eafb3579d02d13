/** A value that a table made from records may hold. */
export type Cell = string | number | boolean | null | undefined;

/** Records with the same keys: a table. */
export type Records = readonly Readonly<Record<string, Cell>>[];

/** The columns of records: their keys, in the order in which they appear. */
export function columnNames(records: Records): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))];
}

/** A type that a column made from records may have, by DuckDB's name for it. */
type ColumnType = "BOOLEAN" | "INTEGER" | "BIGINT" | "DOUBLE" | "VARCHAR";

/**
 * The narrowest of BOOLEAN, INTEGER, BIGINT, DOUBLE and VARCHAR that holds all values of a column; VARCHAR if it has
 * none.
 *
 * @throws {TypeError} for a column with values of different kinds, or with a value that is no {@link Cell}
 */
export function columnType(records: Records, column: string, table: string): ColumnType {
  let kind: string | undefined;
  let type: ColumnType = "INTEGER";
  for (const record of records) {
    const value = record[column];
    if (value === null || value === undefined) continue;
    if (kind !== undefined && typeof value !== kind) {
      throw new TypeError(`table ${table}, column ${column}: both ${kind} and ${typeof value} values`);
    }
    kind = typeof value;
    if (typeof value === "number" && type !== "DOUBLE") {
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) type = "DOUBLE";
      else if (value !== (value | 0)) type = "BIGINT";
    }
  }
  if (kind === undefined || kind === "string") return "VARCHAR";
  if (kind === "boolean") return "BOOLEAN";
  if (kind === "number") return type;
  throw new TypeError(`table ${table}, column ${column}: a ${kind} value does not fit a table`);
}
