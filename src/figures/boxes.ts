import type { Data } from "plotly.js";
import { quantileSorted } from "simple-statistics";
import { plain } from "./text";
import { axisTitle, colour, themeLayout } from "./theme";
import type { Axis, Figure, FigureText } from "./types";

export interface BoxOptions extends FigureText {
  /** Values by group name. */
  groups: Readonly<Record<string, readonly number[]>>;
  /** The axis of the groups. */
  x: Axis;
  /** The axis of the values. */
  y: Axis;
}

/** Box plot: quartiles, median, and whiskers from the 5th to the 95th percentile. Only these five numbers are kept. */
export function boxes(options: BoxOptions): Figure {
  const data = Object.entries(options.groups).map(([name, values]): Data => {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (share: number) => (sorted.length === 0 ? [] : [quantileSorted(sorted, share)]);
    return {
      type: "box",
      name: plain(name),
      x: [plain(name)],
      lowerfence: at(0.05),
      q1: at(0.25),
      median: at(0.5),
      q3: at(0.75),
      upperfence: at(0.95),
      fillcolor: colour(0),
      line: { color: "#1a1a1a", width: 1.5 },
      opacity: 0.75,
      showlegend: false,
    } as Data;
  });
  const layout = themeLayout(options);
  Object.assign(layout.xaxis!, { type: "category", showgrid: false, ticks: "" });
  if (axisTitle(options.x) === "") delete layout.xaxis!.title;
  return { data, layout };
}
