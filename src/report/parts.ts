import type { Figure } from "../figures";
import {
  data,
  drawFigure,
  type Format,
  type Inline,
  type JsonPath,
  missing,
  type PaperFigure,
  show,
  type Sources,
  type Table,
  type Text,
} from "../paper";

/** A column of a table that a run saved. */
export interface SavedColumn {
  /** Its name in the rows. */
  readonly field: string;
  /** @default the field's name */
  readonly title?: Text;
  /**
   * How its numbers are printed; a text is printed as it is.
   * @default "decimal3"
   */
  readonly format?: Format;
  /** Share of the table's width, for running text. */
  readonly width?: number;
}

export interface SavedTable extends Pick<Table, "label" | "caption" | "note"> {
  /** A JSON file below the folder that runs write to, as `writeJson(run.path("scores.json"), rows)` left it. */
  readonly file: string;
  /**
   * The way to the rows in it.
   * @default []
   */
  readonly path?: JsonPath;
  readonly columns: readonly SavedColumn[];
  /**
   * Which rows, of their values.
   * @default all
   */
  readonly where?: (row: Readonly<Record<string, unknown>>) => boolean;
  /** @default false */
  readonly wide?: boolean;
}

const stepInto = (json: unknown, path: JsonPath): unknown =>
  path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null
        ? (value as Record<string | number, unknown>)[step]
        : undefined,
    json,
  );

/** The columns of a table of paired differences, as the studies' comparisons save them. */
export const differenceColumns: readonly SavedColumn[] = [
  { field: "a − b" },
  { field: "metric" },
  { field: "difference", format: "signed3" },
  { field: "low", format: "signed3" },
  { field: "high", format: "signed3" },
  { field: "adjustedPValue", title: ["adjusted p"], format: "pValue" },
  { field: "verdict" },
];

/** The rows of a file at a path; none where there is no such file. */
export function savedRows(
  sources: Sources,
  file: string,
  path: JsonPath = [],
): readonly Readonly<Record<string, unknown>>[] {
  const rows = stepInto(sources.read(file), path);
  return Array.isArray(rows) ? (rows as Readonly<Record<string, unknown>>[]) : [];
}

/** A value of a file in running text; _missing_, with the reason, where it is not there. */
export const savedValue = (
  sources: Sources,
  file: string,
  path: JsonPath,
  format: Format = "decimal3",
): Inline => show(sources.value(file, path, format));

/** The rows that a run saved, as a table: each cell is a value of the file. Where there is no file, one row says so. */
export function savedTable(sources: Sources, table: SavedTable): Table {
  const { file, path = [], columns, where = () => true, label, caption, note, wide = false } = table;
  const rows = savedRows(sources, file, path);
  const isText = ({ field }: SavedColumn) => rows.some((row) => typeof row[field] === "string");
  const cell = (at: number, { field, format = "decimal3" }: SavedColumn): Text => {
    const value = rows[at]![field];
    if (typeof value === "string") return [data(value)];
    if (value === null || value === undefined) return [data("–")];
    return [show(sources.value(file, [...path, at, field], typeof value === "number" ? format : "text"))];
  };
  const shown = rows.flatMap((row, at) => (where(row) ? [at] : []));
  const none = show(missing(`${file} has no such rows`));
  return {
    type: "table",
    label,
    caption,
    ...(note && { note }),
    wide,
    columns: columns.map((column) => ({
      title: column.title ?? [data(column.field)],
      align: isText(column) ? "left" : "right",
      ...(column.width !== undefined && { width: column.width }),
    })),
    groups: [
      shown.length === 0
        ? [columns.map((_, i): Text => (i === 0 ? [none] : []))]
        : shown.map((at) => columns.map((column) => cell(at, column))),
    ],
  };
}

/** Pixels of a figure over one column and over both: its texts are then about as large as the captions. */
const widths = { narrow: 470, wide: 980 };

/**
 * A figure that a notebook saved (`showFigure(figure, run.path("curves"))`), drawn again without its title, which the caption has.
 *
 * @param file the path without an extension, below the folder that runs write to: `08-persona-simulator/curves`
 */
export async function savedFigure(
  sources: Sources,
  {
    file,
    wide = false,
    height,
    ...text
  }: Pick<PaperFigure, "label" | "caption" | "alternative"> & {
    file: string;
    wide?: boolean;
    /** @default as it was saved */
    height?: number;
  },
): Promise<PaperFigure> {
  const figure = sources.read(`${file}.json`) as Figure | undefined;
  const picture = figure?.layout
    ? await drawFigure({
        data: figure.data,
        layout: {
          ...figure.layout,
          width: wide ? widths.wide : widths.narrow,
          ...(height !== undefined && { height }),
        },
      })
    : { missing: `there is no ${file}.json` };
  return { type: "figure", ...text, wide, picture };
}
