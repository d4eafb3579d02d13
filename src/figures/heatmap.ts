import type { Data } from "plotly.js";
import { plain } from "./text";
import { axisTitle, colourScale, fontSizes, percentTicks, themeLayout } from "./theme";
import type { Axis, Figure, FigureText } from "./types";

export interface HeatmapOptions extends FigureText {
  /** Names of the columns, from left to right, and of the rows, from top to bottom. */
  columns: readonly string[];
  rows: readonly string[];
  /** `values[row][column]`; a gap where nothing was measured. */
  values: readonly (readonly (number | null)[])[];
  x: Axis;
  y: Axis;
  /** What the colours mean, written beside the scale. */
  z: Axis;
  /** How a cell's value is written into it; nothing is written without it. */
  format?: (value: number) => string;
}

/** A table of values as colours, from dark (low) to light (high). */
export function heatmap(options: HeatmapOptions): Figure {
  const { columns, rows, values, format } = options;
  const cells: Partial<Data> = {
    type: "heatmap",
    x: columns.map(plain),
    y: rows.map(plain),
    z: values.map((row) => [...row]),
    colorscale: colourScale,
    xgap: 2,
    ygap: 2,
    hoverongaps: false,
    ...(options.z.range ? { zmin: options.z.range[0], zmax: options.z.range[1] } : {}),
    colorbar: {
      title: { text: axisTitle(options.z), side: "right", font: { size: fontSizes.text } },
      tickfont: { size: fontSizes.small },
      thickness: 16,
      outlinewidth: 0,
      ...(options.z.percent ? { tickformat: percentTicks } : {}),
    },
    hovertemplate: "%{y}, %{x}: %{z}<extra></extra>",
  };
  const written = format && {
    text: values.map((row) => row.map((value) => (value === null ? "" : plain(format(value))))),
    texttemplate: "%{text}",
  };
  const layout = themeLayout(options);
  for (const axis of [layout.xaxis!, layout.yaxis!])
    Object.assign(axis, { type: "category", showgrid: false, showline: false, ticks: "" });
  Object.assign(layout.yaxis!, { autorange: "reversed" });
  return { data: [{ ...cells, ...written } as Data], layout };
}
