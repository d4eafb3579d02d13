import type { Data } from "plotly.js";
import { plain } from "./text";
import { axisTitle, colour, themeLayout } from "./theme";
import type { Axis, Figure, FigureText } from "./types";

/** The bars of one series, one a category. */
export interface BarSeries {
  name: string;
  values: readonly (number | null)[];
  /** Ends of an interval around each value, such as a confidence interval. */
  intervals?: readonly (readonly [low: number, high: number] | null)[];
}

export interface BarOptions extends FigureText {
  categories: readonly string[];
  /** One series gives plain bars, several give groups side by side. */
  series: readonly BarSeries[];
  /** The axis of the categories; its title may be empty where the categories speak for themselves. */
  x: Axis;
  /** The axis of the values. */
  y: Axis;
  /** Bars from left to right, the first category on top: for long names. */
  horizontal?: boolean;
  /** How a bar's value is written at its end; nothing is written without it. */
  format?: (value: number) => string;
}

/** Bars, or groups of bars, with intervals where they are given. */
export function bars(options: BarOptions): Figure {
  const { categories, series, horizontal = false, format } = options;
  const labels = categories.map(plain);
  const [along, across] = horizontal ? (["x", "y"] as const) : (["y", "x"] as const);
  const data = series.map(({ name, values, intervals }, index): Data => {
    const ends = intervals?.map((interval, i) => {
      const value = values[i] ?? null;
      return interval === null || value === null ? [0, 0] : [value - interval[0], interval[1] - value];
    });
    const error = ends && {
      type: "data" as const,
      symmetric: false,
      array: ends.map(([, high]) => high!),
      arrayminus: ends.map(([low]) => low!),
      color: "#1a1a1a",
      thickness: 1.5,
      width: 4,
    };
    return {
      type: "bar",
      orientation: horizontal ? "h" : "v",
      name: plain(name),
      [along]: [...values],
      [across]: labels,
      marker: { color: colour(index) },
      ...(error ? { [`error_${along}`]: error } : {}),
      ...(format
        ? {
            text: values.map((value) => (value === null ? "" : plain(format(value)))),
            textposition: error ? "inside" : "outside",
            textangle: 0,
            insidetextanchor: "start",
            cliponaxis: false,
          }
        : {}),
      hovertemplate: `%{${across}}: %{${along}}`,
    } as Data;
  });
  const layout = themeLayout({
    ...options,
    ...(horizontal ? { x: options.y, y: options.x } : {}),
    legend: series.map(({ name }) => name),
  });
  const categoryAxis = horizontal ? layout.yaxis! : layout.xaxis!;
  Object.assign(categoryAxis, { type: "category", showgrid: false, ticks: "" });
  if (axisTitle(options.x) === "") delete categoryAxis.title;
  if (horizontal) Object.assign(categoryAxis, { autorange: "reversed" });
  if (format && !options.y.range) {
    const written = series.flatMap(({ values }) => values.filter((value): value is number => value !== null));
    const room = horizontal
      ? 0.03 + 0.016 * Math.max(0, ...written.map((value) => format(value).length))
      : 0.08;
    const ends = [Math.min(0, ...written), Math.max(0, ...written)].map((end) => end * (1 + room));
    if (ends[0] !== ends[1]) Object.assign(horizontal ? layout.xaxis! : layout.yaxis!, { range: ends });
  }
  return { data, layout: { ...layout, barmode: "group", bargap: 0.25 } };
}
