import type { Data, Layout } from "plotly.js";
import { plain, wrap } from "./text";
import { colour, fontSizes, symbol, themeLayout } from "./theme";
import type { Axis, Figure, FigureText } from "./types";

/** A value with its interval for each category; `null` where there is none. */
export interface IntervalPanel {
  title: string;
  values: readonly ({ value: number; low: number; high: number } | null)[];
  /**
   * First and last value shown.
   * @default what the data need
   */
  range?: Axis["range"];
  /**
   * A line at 0, for differences.
   * @default false
   */
  zero?: boolean;
}

export interface IntervalOptions extends FigureText {
  /** Down the side, the first on top. */
  categories: readonly string[];
  /** Which group each category is in: groups have a colour, a mark and a place in the legend. */
  groups: readonly string[];
  panels: readonly IntervalPanel[];
  /**
   * Pixels for each category. The figure is as high as they need.
   * @default 22
   */
  rowHeight?: number;
}

/** Panels side by side with one row a category: a mark at each value, a line over its interval. */
export function intervalPanels(options: IntervalOptions): Figure {
  const { categories, groups, panels, rowHeight = 22, ...text } = options;
  const names = [...new Set(groups)];
  const untitled = { title: "" };
  const frame = { ...text, x: untitled, y: untitled, legend: names };
  const around = (themeLayout(frame).margin?.t ?? 0) + 24 + 40;
  const height = around + rowHeight * categories.length;
  const layout = themeLayout({ ...frame, height });
  // Categories that are called the same stay rows of their own.
  const places = categories.map((_, i) => i);
  const labels = categories.map((name) => wrap(name, 44).map(plain).join("<br>"));
  const gap = 0.025;
  const width = (1 - gap * (panels.length - 1)) / panels.length;
  const axes: Record<string, unknown> = {};
  const annotations: Layout["annotations"] = [];
  const data = panels.flatMap(({ title, values, range, zero = false }, index): Data[] => {
    const number = index === 0 ? "" : String(index + 1);
    const left = index * (width + gap);
    const axis = { title, ...(range ? { range } : {}) };
    axes[`xaxis${number}`] = {
      ...themeLayout({ title: "", x: axis, y: untitled }).xaxis,
      title: { text: "" },
      domain: [left, left + width],
      anchor: `y${number}`,
      nticks: 5,
      ...(zero ? { zeroline: true, zerolinewidth: 1.5, zerolinecolor: layout.yaxis?.linecolor } : {}),
    };
    axes[`yaxis${number}`] = {
      ...layout.yaxis,
      anchor: `x${number}`,
      domain: [0, 1],
      range: [categories.length - 0.5, -0.5],
      tickvals: places,
      ticktext: index === 0 ? labels : places.map(() => ""),
      ticks: "",
      tickfont: { size: fontSizes.small },
    };
    annotations.push({
      text: `<b>${plain(title)}</b>`,
      x: left,
      y: 1,
      xref: "paper",
      yref: "paper",
      xanchor: "left",
      yanchor: "bottom",
      showarrow: false,
      font: { size: fontSizes.small },
    } as Layout["annotations"][number]);
    return names.map((name, group): Data => {
      const rows = places.filter((i) => groups[i] === name && values[i]);
      const side = (end: "low" | "high") => rows.map((i) => Math.abs(values[i]![end] - values[i]!.value));
      return {
        type: "scatter",
        mode: "markers",
        name: plain(name),
        legendgroup: String(group),
        showlegend: index === 0,
        x: rows.map((i) => values[i]!.value),
        y: rows,
        error_x: {
          type: "data",
          symmetric: false,
          array: side("high"),
          arrayminus: side("low"),
          color: colour(group),
          thickness: 1.5,
          width: 0,
        },
        marker: { color: colour(group), symbol: symbol(group), size: 7 },
        text: rows.map((i) => labels[i]!),
        hovertemplate: "%{text}: %{x}",
        xaxis: `x${number}`,
        yaxis: `y${number}`,
      } as Data;
    });
  });
  const margin = { ...layout.margin, l: 20, t: (layout.margin?.t ?? 0) + 24, b: 40 };
  return { data, layout: { ...layout, ...axes, annotations, margin } as Partial<Layout> };
}
