import type { Data, Layout } from "plotly.js";
import { lines, type LineSeries } from "./points";
import { plain } from "./text";
import { fontSizes, themeLayout } from "./theme";
import type { Axis, Figure, FigureText } from "./types";

/** One panel: its own values on the y axis, the x axis and the series' names shared with the others. */
export interface LinePanel {
  title: string;
  series: readonly LineSeries[];
  /**
   * Whether the y axis begins at 0.
   * @default true
   */
  fromZero?: boolean;
}

export interface LinePanelOptions extends FigureText {
  panels: readonly LinePanel[];
  x: Axis;
  /**
   * Panels side by side.
   * @default 3
   */
  columns?: number;
}

/** More ticks than these would run into one another. */
const mostTicks = 10;

/** Small multiples: panels of lines, each with its title above and its own y axis, under one legend. Where there are few, every x has a tick; a panel without values has none. */
export function linePanels({ panels, columns = 3, x, ...text }: LinePanelOptions): Figure {
  const rows = Math.ceil(panels.length / columns);
  const names = panels[0]?.series.map(({ name }) => name) ?? [];
  const untitled = { title: "" };
  const layout = themeLayout({ ...text, x: untitled, y: untitled, legend: names });
  const gap = { x: 0.18 / columns, y: Math.min(0.13, 0.39 / rows) };
  const width = (1 - gap.x * (columns - 1)) / columns;
  const height = (1 - gap.y * (rows - 1)) / rows;
  const axes: Record<string, unknown> = {};
  const annotations: Layout["annotations"] = [];
  const data = panels.flatMap(({ title, series, fromZero = true }, index): Data[] => {
    const number = index === 0 ? "" : String(index + 1);
    const left = (index % columns) * (width + gap.x);
    const top = 1 - Math.floor(index / columns) * (height + gap.y);
    const panel = lines({ title, series, x, y: untitled });
    const lowest = index + columns >= panels.length;
    const empty = series.every(({ y }) => y.every((value) => value === null));
    // Without a value there is nothing to measure: no ticks are made up, and the panel says so.
    const bare = empty ? { range: [0, 1], showticklabels: false, showgrid: false, ticks: "" as const } : {};
    axes[`xaxis${number}`] = {
      ...panel.layout.xaxis,
      domain: [left, left + width],
      anchor: `y${number}`,
      ...(series[0] && series[0].x.length <= mostTicks ? { tickvals: series[0].x } : {}),
      ...(lowest ? {} : { title: { text: "" } }),
      ...bare,
    };
    axes[`yaxis${number}`] = {
      ...panel.layout.yaxis,
      title: { text: "" },
      domain: [top - height, top],
      anchor: `x${number}`,
      rangemode: fromZero ? "tozero" : "normal",
      ...bare,
    };
    annotations.push({
      text: `<b>${plain(title)}</b>`,
      x: left,
      y: top,
      xref: "paper",
      yref: "paper",
      xanchor: "left",
      yanchor: "bottom",
      showarrow: false,
      font: { size: fontSizes.small },
    } as Layout["annotations"][number]);
    if (empty) {
      annotations.push({
        text: "no values",
        x: left + width / 2,
        y: top - height / 2,
        xref: "paper",
        yref: "paper",
        xanchor: "center",
        yanchor: "middle",
        showarrow: false,
        font: { size: fontSizes.small },
      } as Layout["annotations"][number]);
    }
    return panel.data.map(
      (trace) =>
        ({
          ...trace,
          xaxis: `x${number}`,
          yaxis: `y${number}`,
          ...(index > 0 ? { showlegend: false } : {}),
        }) as Data,
    );
  });
  const margin = { ...layout.margin, l: 50, t: (layout.margin?.t ?? 0) + 24 };
  return { data, layout: { ...layout, ...axes, annotations, margin } as Partial<Layout> };
}
