import type { Data } from "plotly.js";
import { plain } from "./text";
import { colour, dash, fontSizes, symbol, themeLayout, translucent } from "./theme";
import type { Axis, Figure, FigureText, ReferenceLine } from "./types";

/** Points of one series. */
export interface PointSeries {
  name: string;
  x: readonly number[];
  y: readonly (number | null)[];
  /** A name for each point, shown when it is pointed at, and beside it with `showNames`. */
  names?: readonly string[];
}

export interface ScatterOptions extends FigureText {
  series: readonly PointSeries[];
  x: Axis;
  y: Axis;
  /** Write each point's name beside it. */
  showNames?: boolean;
  /** A straight line through the points, such as a fit: y = slope · x + intercept. */
  trend?: { slope: number; intercept: number };
  references?: readonly ReferenceLine[];
}

/** Scatter plot; points are small and translucent where there are many. */
export function scatter(options: ScatterOptions): Figure {
  const total = options.series.reduce((sum, { x }) => sum + x.length, 0);
  const many = total > 100;
  const data = options.series.map(({ name, x, y, names }, index): Data => ({
    type: "scatter",
    mode: options.showNames ? "text+markers" : "markers",
    name: plain(name),
    x: [...x],
    y: [...y],
    ...(names
      ? { text: names.map(plain), textposition: "top center", textfont: { size: fontSizes.small } }
      : {}),
    cliponaxis: false,
    marker: {
      color: translucent(colour(index), many ? 0.35 : 0.9),
      symbol: symbol(index),
      size: many ? 5 : 10,
    },
    hovertemplate: `${names ? "%{text}: " : ""}%{x}, %{y}`,
  }));
  if (options.trend) data.push(trendLine(options.trend, options.series));
  return { data, layout: themeLayout({ ...options, legend: options.series.map(({ name }) => name) }) };
}

/** The line from the leftmost point's x to the rightmost's. */
function trendLine(
  { slope, intercept }: NonNullable<ScatterOptions["trend"]>,
  series: readonly PointSeries[],
): Data {
  const all = series.flatMap(({ x }) => x);
  const ends = [
    all.reduce((a, b) => Math.min(a, b), Infinity),
    all.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  return {
    type: "scatter",
    mode: "lines",
    x: ends,
    y: ends.map((x) => slope * x + intercept),
    line: { color: "#000000", width: 2 },
    showlegend: false,
    hoverinfo: "skip",
  };
}

/** A line, with a band around it where `low` and `high` are given. */
export interface LineSeries {
  name: string;
  x: readonly number[];
  y: readonly (number | null)[];
  low?: readonly number[];
  high?: readonly number[];
}

export interface LineOptions extends FigureText {
  series: readonly LineSeries[];
  x: Axis;
  y: Axis;
  references?: readonly ReferenceLine[];
}

/** Points that are marked one by one, at most; a longer line has no marks. */
const mostMarks = 30;

/** Lines, each with the band between `low` and `high` in its colour. */
export function lines(options: LineOptions): Figure {
  const data = options.series.flatMap(({ name, x, y, low, high }, index): Data[] => {
    const line: Data = {
      type: "scatter",
      mode: x.length <= mostMarks ? "lines+markers" : "lines",
      name: plain(name),
      legendgroup: String(index),
      x: [...x],
      y: [...y],
      line: { color: colour(index), dash: dash(index), width: 2.5 },
      marker: { color: colour(index), symbol: symbol(index), size: 8 },
      hovertemplate: "%{x}: %{y}",
    };
    if (!low || !high) return [line];
    const band: Data = {
      type: "scatter",
      mode: "lines",
      legendgroup: String(index),
      showlegend: false,
      x: [...x, ...[...x].reverse()],
      y: [...high, ...[...low].reverse()],
      fill: "toself",
      fillcolor: translucent(colour(index), 0.18),
      line: { width: 0 },
      hoverinfo: "skip",
    };
    return [band, line];
  });
  return { data, layout: themeLayout({ ...options, legend: options.series.map(({ name }) => name) }) };
}
