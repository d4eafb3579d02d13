import { appendFileSync } from "node:fs";
import Papa from "papaparse";
import { onDisk, writeCsv } from "../io";

type Row = Readonly<Record<string, number>>;

/**
 * Numbers by column as CSV, a line a row, for spreadsheets and data frames; what a row lacks stays empty. Each row is in the file
 * as soon as it is there; one with a new column makes the file be written anew.
 */
export class CsvLog {
  private readonly columns: string[] = [];
  private readonly rows: Row[] = [];

  /** @param rows what the file becomes, whatever it was */
  constructor(
    private readonly path: string,
    rows: readonly Row[],
  ) {
    for (const row of rows) this.take(row);
    this.writeWhole();
  }

  append(row: Row): void {
    const isKnown = this.take(row);
    if (!isKnown) return this.writeWhole();
    const cells = this.columns.map((column) => row[column] ?? "");
    onDisk(this.path, () => appendFileSync(this.path, `${Papa.unparse([cells], { newline: "\n" })}\n`));
  }

  /** Whether there has been a column for everything in it. */
  private take(row: Row): boolean {
    this.rows.push(row);
    const others = Object.keys(row).filter((column) => !this.columns.includes(column));
    this.columns.push(...others);
    return others.length === 0;
  }

  private writeWhole(): void {
    writeCsv(this.path, this.rows, this.columns);
  }
}
