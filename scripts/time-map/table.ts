/** Tables of Markdown from rows of the map. */
import { isRate, type MapRow, shareOfLimit, timesThePeer } from "./row";

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** A table of Markdown. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Three significant digits, with thousands set apart. */
export const figure = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 12 });

const withUnit = (value: number, unit: string) => `${figure(value)} ${unit}`;
const times = (value: number | undefined) => (value === undefined ? "" : `${value.toFixed(2)}×`);
const percent = (value: number | undefined) => (value === undefined ? "" : `${Math.round(100 * value)} %`);

/** The rows of one group: ours, the peer's, the limit, and what is missing. */
export function mapTable(rows: readonly MapRow[]): string {
  const memory = ({ memory }: MapRow) =>
    memory ? `${figure(memory.ours)}${memory.peer === undefined ? "" : ` (${figure(memory.peer)})`} MiB` : "";
  return table(
    ["job", "size", "ours", "best peer", "ours against it", "limit", "share of the limit", "memory (peer's)"],
    rows.map((row) => [
      row.job,
      row.size,
      row.ours === undefined ? (row.missing ?? "") : withUnit(row.ours, row.unit),
      row.peer
        ? `${withUnit(row.peer.value, row.unit)} (${row.peer.name})`
        : row.ours === undefined
          ? ""
          : (row.missing ?? ""),
      times(timesThePeer(row)),
      row.limit
        ? `${isRate(row.unit) ? "at most" : "at least"} ${withUnit(row.limit.value, row.unit)} (${row.limit.of})`
        : "",
      percent(shareOfLimit(row)),
      memory(row),
    ]),
  );
}
