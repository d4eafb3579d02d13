import type { Data } from "plotly.js";
import { plain } from "./text";
import { colour, dash, themeLayout, translucent } from "./theme";
import type { Axis, Figure, FigureText, ReferenceLine } from "./types";

export interface HistogramOptions extends FigureText {
  /** Values by series name. */
  series: Readonly<Record<string, readonly number[]>>;
  x: Axis;
  /**
   * What a bar shows: how many values, or their share of the series, for series of unequal size.
   * @default "count"
   */
  measure?: "count" | "share";
  /**
   * What is counted, for the y axis, e.g. `conversations`.
   * @default "values"
   */
  counted?: string;
  /**
   * At most so many bins; their width is 1, 2 or 5 times a power of ten.
   * @default 40
   */
  bins?: number;
  references?: readonly ReferenceLine[];
}

/** `count` bins: number i holds the values in [start + i · step, start + (i + 1) · step). */
export interface Bins {
  start: number;
  step: number;
  count: number;
}

/** The narrowest bins, at most `bins` of them, that hold all values and have a round width; whole if the values are. */
export function chooseBins(values: readonly number[], bins: number): Bins {
  if (values.length === 0) return { start: 0, step: 1, count: 1 };
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  let power = Math.floor(Math.log10((high - low) / bins || 1)) - 1;
  if (values.every(Number.isInteger)) power = Math.max(0, power);
  for (; ; power++) {
    for (const factor of [1, 2, 5]) {
      const step = factor * 10 ** power;
      const first = Math.floor(low / step);
      const count = Math.floor(high / step) - first + 1;
      if (count <= bins) return { start: first * step, step, count };
    }
  }
}

/** How many values each bin holds. */
export function countByBin(values: readonly number[], { start, step, count }: Bins): number[] {
  const counts = new Array<number>(count).fill(0);
  const first = Math.round(start / step);
  for (const value of values) {
    const bin = Math.floor(value / step) - first;
    if (bin >= 0 && bin < count) counts[bin]!++;
  }
  return counts;
}

/**
 * Histogram over common bins, counted here, so that the figure holds the bins alone: bars for one series, outlines for
 * several, which would hide one another as bars.
 */
export function histogram(options: HistogramOptions): Figure {
  const { measure = "count", counted = "values" } = options;
  const names = Object.keys(options.series);
  const bins = chooseBins(Object.values(options.series).flat(), options.bins ?? 40);
  const heights = names.map((name) => {
    const values = options.series[name]!;
    const counts = countByBin(values, bins);
    return measure === "share" ? counts.map((n) => n / values.length) : counts;
  });
  const written = measure === "share" ? "%{y:.1%}" : "%{y:,}";
  const data =
    names.length === 1
      ? [barTrace(heights[0]!, bins, written)]
      : names.map((name, index) => outlineTrace(name, heights[index]!, bins, written, index));
  const y = measure === "share" ? { title: `share of ${counted}`, percent: true } : { title: counted };
  const layout = themeLayout({ ...options, y, legend: names });
  return { data, layout: { ...layout, yaxis: { ...layout.yaxis, rangemode: "tozero" } } };
}

function barTrace(heights: readonly number[], { start, step }: Bins, written: string): Data {
  const edges = heights.map((_, i) => [start + i * step, start + (i + 1) * step] as const);
  return {
    type: "bar",
    x: edges.map(([low, high]) => (low + high) / 2),
    y: [...heights],
    width: step,
    marker: { color: colour(0), line: { color: "#ffffff", width: 0.5 } },
    customdata: edges.map((pair) => [...pair]),
    hovertemplate: `%{customdata[0]} to below %{customdata[1]}: ${written}<extra></extra>`,
  };
}

function outlineTrace(
  name: string,
  heights: readonly number[],
  { start, step }: Bins,
  written: string,
  index: number,
): Data {
  return {
    type: "scatter",
    mode: "lines",
    name: plain(name),
    x: [start, ...heights.map((_, i) => start + i * step), start + heights.length * step],
    y: [0, ...heights, 0],
    line: { shape: "hv", color: colour(index), dash: dash(index), width: 2.5 },
    fill: "tozeroy",
    fillcolor: translucent(colour(index), 0.12),
    hovertemplate: `from %{x}: ${written}`,
  };
}
