import type { Data, Layout } from "plotly.js";

/** A Plotly figure: what to draw, and how. Plain JSON throughout. */
export interface Figure {
  data: Data[];
  layout: Partial<Layout>;
}

/** What stands around every figure. All texts are plain: `<b>` is shown as `<b>`, `\n` breaks a line. */
export interface FigureText {
  title: string;
  /** One or two sentences under the title: what was counted, and what to see. */
  caption?: string;
  /**
   * Size in CSS pixels.
   * @default 760 × 460
   */
  width?: number;
  height?: number;
}

export interface Axis {
  title: string;
  /** Stands in brackets behind the title, e.g. `tokens`. */
  unit?: string;
  /** Logarithmic, base 10. */
  log?: boolean;
  /**
   * First and last value shown.
   * @default what the data need
   */
  range?: readonly [number, number];
  /** Ticks in percent, for values that are shares of 1. */
  percent?: boolean;
}

/** A value on the x axis that a dotted line marks. */
export interface ReferenceLine {
  value: number;
  label: string;
}
