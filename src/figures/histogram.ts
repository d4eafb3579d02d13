import type { Data } from "plotly.js";
import { plain } from "./text";
import { colour, themeLayout } from "./theme";
import type { Axis, Figure, FigureText, ReferenceLine } from "./types";

export interface HistogramOptions extends FigureText {
  /** Values by series name. */
  series: Readonly<Record<string, readonly number[]>>;
  x: Axis;
  /** What a bar shows: how many values (default), or their share of the series, for series of unequal size. */
  measure?: "count" | "share";
  /** What is counted, for the y axis, e.g. `conversations`; `values` by default. */
  counted?: string;
  /** At most so many bins, 40 by default; their width is 1, 2 or 5 times a power of ten. */
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

/** Histogram of one or more series over common bins, counted here, so that the figure holds the bins alone. */
export function histogram(options: HistogramOptions): Figure {
  const { measure = "count", counted = "values" } = options;
  const names = Object.keys(options.series);
  const bins = chooseBins(Object.values(options.series).flat(), options.bins ?? 40);
  const centres = Array.from({ length: bins.count }, (_, i) => bins.start + (i + 0.5) * bins.step);
  const value = measure === "share" ? "%{y:.1%}" : "%{y:,}";
  const data = names.map((name, index): Data => {
    const values = options.series[name]!;
    const counts = countByBin(values, bins);
    return {
      type: "bar",
      name: plain(name),
      x: centres,
      y: measure === "share" ? counts.map((n) => n / values.length) : counts,
      width: bins.step,
      marker: { color: colour(index), line: { color: "#ffffff", width: 0.5 } },
      opacity: names.length > 1 ? 0.6 : 1,
      customdata: centres.map((centre) => [centre - bins.step / 2, centre + bins.step / 2]),
      hovertemplate: `%{customdata[0]} to below %{customdata[1]}: ${value}`,
    };
  });
  const y = measure === "share" ? { title: `share of ${counted}`, percent: true } : { title: counted };
  return { data, layout: { ...themeLayout({ ...options, y, legend: names }), barmode: "overlay" } };
}
