import type { Data } from "plotly.js";
import { plain } from "./text";
import { colour, dash, themeLayout } from "./theme";
import type { Axis, Figure, FigureText, ReferenceLine } from "./types";

export interface EcdfOptions extends FigureText {
  /** Values by series name. */
  series: Readonly<Record<string, readonly number[]>>;
  x: Axis;
  /**
   * What is counted, for the y axis, e.g. `conversations`.
   * @default "values"
   */
  counted?: string;
  references?: readonly ReferenceLine[];
}

/** Steps drawn at most; more could not be seen apart. */
const mostSteps = 1000;

/** F(x) = share of values ≤ x, at the distinct values or, if these are many, at evenly spaced ranks of them. */
export function ecdfSteps(values: readonly number[], most = mostSteps): { x: number[]; share: number[] } {
  const sorted = [...values].sort((a, b) => a - b);
  const ends = sorted.flatMap((value, i) => (sorted[i + 1] === value ? [] : [i]));
  const every = Math.max(1, (ends.length - 1) / (most - 1));
  const chosen: number[] = [];
  for (let at = 0; at < ends.length - 0.5; at += every) chosen.push(ends[Math.round(at)]!);
  if (ends.length > 0 && chosen.at(-1) !== ends.at(-1)) chosen.push(ends.at(-1)!);
  return { x: chosen.map((i) => sorted[i]!), share: chosen.map((i) => (i + 1) / sorted.length) };
}

/** Empirical cumulative distribution function of each series: the share of its values that are at most x. */
export function ecdf(options: EcdfOptions): Figure {
  const names = Object.keys(options.series);
  const data = names.map((name, index): Data => {
    const { x, share } = ecdfSteps(options.series[name]!);
    return {
      type: "scatter",
      mode: "lines",
      name: plain(name),
      x,
      y: share,
      line: { shape: "hv", color: colour(index), dash: dash(index), width: 2.5 },
      hovertemplate: "%{y:.1%} are at most %{x}",
    };
  });
  const y = {
    title: `share of ${options.counted ?? "values"} at most x`,
    percent: true,
    range: [0, 1.02],
  } as const;
  return { data, layout: themeLayout({ ...options, y, legend: names }) };
}
