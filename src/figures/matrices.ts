import type { Data, Layout } from "plotly.js";
import { plain } from "./text";
import { axisTitle, fontSizes, themeLayout } from "./theme";
import type { Axis, Figure, FigureText } from "./types";

/** A matrix with what stands above it, such as `s · B · A`. */
export interface DrawnMatrix {
  title: string;
  /** Between this matrix and the one before, such as `+` or `=`. */
  sign?: string;
  /** `values[row][column]`. */
  values: readonly (readonly number[])[];
  /** Colours of its own, from −m to m, m its largest absolute value; the title says so. For one that would pale beside the others. */
  ownColours?: boolean;
}

export interface MatricesOptions extends FigureText {
  matrices: readonly DrawnMatrix[];
  /** What the colours mean. Without a range, from −m to m, m the largest absolute value. */
  z: Axis;
  /** How an element is written into its cell; nothing is written without it. */
  format?: (value: number) => string;
}

/** Blue below zero, white at zero, red above: told apart with every common colour blindness. */
const signedScale: [number, string][] = [
  [0, "#2166ac"],
  [0.25, "#92c5de"],
  [0.5, "#f7f7f7"],
  [0.75, "#f4a582"],
  [1, "#b2182b"],
];

/** From −m to m, m the largest absolute value; ±1 where all are 0. */
function coloursOf(drawn: readonly DrawnMatrix[]): readonly [low: number, high: number] {
  const sizes = drawn.flatMap(({ values }) => values.flatMap((row) => row.map(Math.abs)));
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0) || 1;
  return [-largest, largest];
}

/**
 * Matrices side by side, row 0 on top, elements as squares of one size, in one scale of colours with white at 0 but for
 * those with colours of their own.
 */
export function matrices({ matrices: drawn, z, format, ...text }: MatricesOptions): Figure {
  const untitled = { title: "" };
  const layout = themeLayout({ ...text, x: untitled, y: untitled });
  const columns = drawn.map(({ values }) => values[0]?.length ?? 0);
  const rows = Math.max(...drawn.map(({ values }) => values.length));
  const gap = 0.07;
  const unit = (1 - gap * (drawn.length - 1)) / columns.reduce((sum, count) => sum + count, 0);
  const shared = z.range ?? coloursOf(drawn.filter(({ ownColours }) => !ownColours));
  const bar = drawn.map(({ ownColours }) => !ownColours).lastIndexOf(true);
  const axes: Record<string, unknown> = {};
  const annotations: Layout["annotations"] = [];
  let left = 0;
  const data = drawn.map((matrix, index): Data => {
    const { title, sign, values, ownColours = false } = matrix;
    const [low, high] = ownColours ? coloursOf([matrix]) : shared;
    const number = index === 0 ? "" : String(index + 1);
    const right = left + unit * columns[index]!;
    const hidden = { showgrid: false, showline: false, ticks: "", showticklabels: false, zeroline: false };
    axes[`xaxis${number}`] = {
      ...hidden,
      domain: [left, right],
      anchor: `y${number}`,
      range: [-0.5, columns[index]! - 0.5],
      constrain: "domain",
    };
    axes[`yaxis${number}`] = {
      ...hidden,
      anchor: `x${number}`,
      // All have the height of the highest, so that elements are of one size; a lower one is in the middle.
      range: [(values.length + rows) / 2 - 0.5, (values.length - rows) / 2 - 0.5],
      scaleanchor: `x${number}`,
      constrain: "domain",
    };
    const note = (text: string, place: object, size: number) =>
      annotations.push({
        text: plain(text),
        showarrow: false,
        font: { size },
        ...place,
      } as Layout["annotations"][number]);
    const above = { x: (columns[index]! - 1) / 2, y: -0.5, xanchor: "center", yanchor: "bottom" };
    const head = ownColours ? `${title}\ncolours of its own: ±${Number(high.toPrecision(2))}` : title;
    note(head, { ...above, xref: `x${number}`, yref: `y${number}` }, fontSizes.text);
    const between = { x: left - gap / 2, y: 0.5, xanchor: "center", yanchor: "middle" };
    if (sign) note(sign, { ...between, xref: "paper", yref: "paper" }, fontSizes.title);
    left = right + gap;
    return {
      type: "heatmap",
      z: values.map((row) => [...row]),
      xaxis: `x${number}`,
      yaxis: `y${number}`,
      colorscale: signedScale,
      zmin: low,
      zmax: high,
      showscale: index === bar,
      ...(format
        ? {
            xgap: 2,
            ygap: 2,
            text: values.map((row) => row.map((value) => plain(format(value)))),
            texttemplate: "%{text}",
            textfont: { size: fontSizes.small },
          }
        : {}),
      colorbar: {
        title: { text: axisTitle(z), side: "top", font: { size: fontSizes.text } },
        tickfont: { size: fontSizes.small },
        thickness: 16,
        outlinewidth: 0,
      },
      hovertemplate: "row %{y}, column %{x}: %{z}<extra></extra>",
    } as unknown as Data;
  });
  const margin = {
    ...layout.margin,
    l: 24,
    t: (layout.margin?.t ?? 0) + 24 + (drawn.some(({ ownColours }) => ownColours) ? 20 : 0),
    b: 24,
  };
  return { data, layout: { ...layout, ...axes, annotations, margin } as Partial<Layout> };
}
