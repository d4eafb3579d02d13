import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { csvRecords, identifier, jsonColumns, tableKind } from "./files";
import { type Cell, columnNames, columnType, type Records } from "./tables";

/**
 * A table: records, or a file (`.csv`, `.json`, `.jsonl`, each also `.gz`). What a file's columns hold is decided by all of
 * their values, never by the first ones: {@link csvRecords}, {@link jsonColumns}.
 */
export type Table = Records | { file: string };

/** What a query may return in a field. Whole numbers beyond ±2⁵³ come as `bigint`, everything smaller as `number`. */
export type SqlValue =
  null | boolean | number | bigint | string | Date | Uint8Array | SqlValue[] | { [key: string]: SqlValue };

export type SqlRow = Record<string, SqlValue>;

/** DuckDB is loaded with the first query: it is large, and most programs ask nothing. */
const loadDuckDB = () => import("@duckdb/node-api");

/** Tables in memory that can be queried; {@link openTables} makes it. */
export interface Database {
  /**
   * Runs one SQL statement (DuckDB's dialect) and returns its rows.
   *
   * @param parameters values for `$1`, `$2`, …
   * @throws {Error} with DuckDB's message, e.g. for a column that does not exist
   */
  query<Row extends SqlRow = SqlRow>(sql: string, parameters?: readonly Cell[]): Promise<Row[]>;
  /** Frees the memory. */
  close(): void;
}

/**
 * Puts tables into an in-memory DuckDB, under their names. Nothing is fetched from a network.
 *
 * @throws {Error} for a file that is missing or of another kind, {@link TypeError} for records that are no table
 */
export async function openTables(tables: Readonly<Record<string, Table>>): Promise<Database> {
  const { DuckDBInstance } = await loadDuckDB();
  const instance = await DuckDBInstance.create(":memory:", { autoinstall_known_extensions: "false" });
  const connection = await instance.connect();
  const close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    for (const [name, table] of Object.entries(tables)) {
      if ("file" in table) await insertFile(connection, name, table.file);
      else await insert(connection, name, table as Records);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    close,
    async query<Row extends SqlRow = SqlRow>(sql: string, parameters: readonly Cell[] = []): Promise<Row[]> {
      const result = await connection.runAndReadAll(
        sql,
        parameters.map((value) => value ?? null),
      );
      return result.getRowObjectsJS().map((row) => plain(row)) as Row[];
    },
  };
}

/**
 * Runs one SQL statement over tables, e.g.
 * `query("SELECT speaker, count(*) AS n FROM turns GROUP BY ALL", { tables: corpusTables(corpus.splits.train) })`.
 * For many queries over the same tables use {@link openTables} once.
 */
export async function query<Row extends SqlRow = SqlRow>(
  sql: string,
  {
    tables = {},
    parameters,
  }: { tables?: Readonly<Record<string, Table>>; parameters?: readonly Cell[] } = {},
): Promise<Row[]> {
  const database = await openTables(tables);
  try {
    return await database.query<Row>(sql, parameters);
  } finally {
    database.close();
  }
}

async function insert(
  connection: DuckDBConnection,
  name: string,
  records: Records,
  columns = columnNames(records),
): Promise<void> {
  if (columns.length === 0) throw new TypeError(`table ${name}: no records, so no columns`);
  const duckdb = await loadDuckDB();
  const types = columns.map((column) => columnType(records, column, name));
  const declarations = columns.map((column, i) => `${identifier(column)} ${types[i]!}`);
  await connection.run(`CREATE TABLE ${identifier(name)} (${declarations.join(", ")})`);
  const appender = await connection.createAppender(name);
  const chunkSize = 2048;
  for (let start = 0; start < records.length; start += chunkSize) {
    const part = records.slice(start, start + chunkSize);
    const chunk = duckdb.DuckDBDataChunk.create(
      types.map((type) => duckdb[type]),
      part.length,
    );
    chunk.setColumns(
      columns.map((column, i) =>
        part.map((record): DuckDBValue => {
          const value = record[column] ?? null;
          return types[i] === "BIGINT" && typeof value === "number" ? BigInt(value) : value;
        }),
      ),
    );
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

async function insertFile(connection: DuckDBConnection, name: string, file: string): Promise<void> {
  if (tableKind(file) === "csv") {
    const { records, columns } = csvRecords(file);
    return insert(connection, name, records, columns);
  }
  // Literal characters in the name: DuckDB would read * ? [ ] as a pattern.
  if (/[*?[\]]/.test(file))
    throw new Error(`${file}: DuckDB takes * ? [ ] in a file's name for a pattern; rename it`);
  const columns = Object.entries(jsonColumns(file)).map(
    ([column, type]) => `${identifier(column)}: ${literal(type)}`,
  );
  if (columns.length === 0) throw new TypeError(`table ${name}: ${file} has no records, so no columns`);
  const reader = `read_json(${literal(file)}, records = true, columns = {${columns.join(", ")}})`;
  await connection.run(`CREATE TABLE ${identifier(name)} AS FROM ${reader}`);
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Whole numbers that a double holds exactly become numbers, at any depth. */
function plain(value: unknown): SqlValue {
  if (typeof value === "bigint") {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (
    value !== null &&
    typeof value === "object" &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  ) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value as SqlValue;
}
