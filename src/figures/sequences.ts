import type { Layout, Shape } from "plotly.js";
import { shorten } from "../text";
import { plain, wrap } from "./text";
import { colour, fontSizes, symbol, themeLayout, translucent } from "./theme";
import type { Figure, FigureText } from "./types";

/** A part of a sequence: a text of some kind. */
export interface SequenceCell {
  readonly text: string;
  /** Names what it is; cells of one kind have one colour, and the legend says which. */
  readonly kind: string;
}

/** A sequence with its name, which stands at its left. */
export interface Sequence {
  readonly name: string;
  readonly cells: readonly SequenceCell[];
}

export interface SequencesOptions extends FigureText {
  readonly sequences: readonly Sequence[];
}

/** Pixels: a row's height, the space left of the rows, and how wide a character is at least taken to be. */
const [ROW, NAMES, CHARACTER] = [68, 130, 7.2];
/** Lines of a cell; what is longer ends with an ellipsis. */
const LINES = 3;

/** Sequences of texts one under another, the first on top: cells of equal width, those of one place below each other. */
export function sequences({ sequences: rows, width = 980, height, ...text }: SequencesOptions): Figure {
  const kinds = [...new Set(rows.flatMap(({ cells }) => cells.map(({ kind }) => kind)))];
  const columns = Math.max(1, ...rows.map(({ cells }) => cells.length));
  const untitled = { title: "" };
  // A legend of one kind has nothing to tell apart.
  const shared = { ...text, width, x: untitled, y: untitled, legend: kinds };
  const head = themeLayout(shared).margin?.t ?? 0;
  const layout = themeLayout({ ...shared, height: height ?? head + ROW * rows.length + 24 });
  const characters = Math.max(4, Math.floor((0.92 * (width - NAMES - 24)) / columns / CHARACTER));
  const shapes = rows.flatMap(({ cells }, row) =>
    cells.map(({ kind }, column): Partial<Shape> => {
      const own = colour(kinds.indexOf(kind));
      return {
        type: "rect",
        ...{ x0: column + 0.03, x1: column + 0.97, y0: row + 0.1, y1: row + 0.9 },
        fillcolor: translucent(own, 0.16),
        line: { color: own, width: 1.5 },
        layer: "below",
      };
    }),
  );
  const annotations = rows.flatMap(({ name, cells }, row) => [
    note(name, { x: 0, y: row + 0.5, xanchor: "right", xshift: -8 }),
    ...cells.map((cell, column) =>
      note(shortened(cell.text, characters), { x: column + 0.5, y: row + 0.5, xanchor: "center" }),
    ),
  ]);
  const hidden = {
    showgrid: false,
    showline: false,
    showticklabels: false,
    ticks: "",
    automargin: false,
    fixedrange: true,
  };
  return {
    // Marks of the legend; they lie outside of what is shown.
    data: kinds.map((kind, index) => ({
      type: "scatter",
      mode: "markers",
      name: plain(kind),
      x: [-9],
      y: [-9],
      marker: { color: colour(index), symbol: symbol(1), size: 12 },
      hoverinfo: "skip",
    })),
    layout: {
      ...layout,
      xaxis: { ...layout.xaxis, ...hidden, range: [0, columns] },
      yaxis: { ...layout.yaxis, ...hidden, range: [rows.length, 0] },
      shapes,
      annotations,
      margin: { ...layout.margin, l: NAMES, b: 16 },
    } as Partial<Layout>,
  };
}

function note(text: string, place: object): Layout["annotations"][number] {
  return {
    text: plain(text),
    xref: "x",
    yref: "y",
    yanchor: "middle",
    showarrow: false,
    font: { size: fontSizes.small },
    ...place,
  } as Layout["annotations"][number];
}

/** A text in lines of so many characters; what does not fit into a cell's lines ends with an ellipsis. */
function shortened(text: string, characters: number): string {
  const lines = wrap(text, characters);
  const last = lines.slice(LINES - 1).join(" ");
  return [...lines.slice(0, LINES - 1), ...(last === "" ? [] : [last])]
    .map((line) => shorten(line, characters))
    .join("\n");
}
