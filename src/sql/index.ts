export * from "./corpus-tables";
export { openTables, query, type Database, type SqlRow, type SqlValue, type Table } from "./query";
export type { Cell, Records } from "./tables";
