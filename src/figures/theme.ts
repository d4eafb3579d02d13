import type { Annotations, Layout, LayoutAxis, Shape } from "plotly.js";
import { plain, wrap } from "./text";
import type { Axis, Figure, FigureText, ReferenceLine } from "./types";

/**
 * Colours of series, in order: Okabe and Ito's palette, told apart with every common colour blindness
 * (https://jfly.uni-koeln.de/color/). Its yellow is left out, being hard to see on white.
 */
export const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"] as const;

/** Marks and strokes that go with the colours, so that series also differ in grey. */
export const symbols = ["circle", "square", "diamond", "triangle-up", "x", "cross", "star"] as const;
export const dashes = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"] as const;

/** Colour scale of heatmaps: cividis, of even lightness steps and the same to colour-blind eyes. */
export const colourScale = "Cividis";

const fontFamily = '"Open Sans", "Helvetica Neue", Arial, "Liberation Sans", "DejaVu Sans", sans-serif';

/** Font sizes in pixels: axis titles, the figure's title, its caption, and everything written small. */
export const fontSizes = { text: 15, title: 18, caption: 14, small: 13 } as const;
const ink = { text: "#1a1a1a", caption: "#454545", line: "#6b6b6b", grid: "#e3e3e3" } as const;
/** Ticks of shares in percent, with as many digits as tell them apart: `10%`, `0.5%`. */
export const percentTicks = ".2~%";
const edge = 18;
const lineHeight = 1.3;

/** Mean width of a character as a share of the font size, a little generous. */
const characterWidth = 0.54;

export const defaultSize = { width: 760, height: 460 } as const;

/** A figure's size in CSS pixels. */
export function size(figure: Figure): { width: number; height: number } {
  return {
    width: figure.layout.width ?? defaultSize.width,
    height: figure.layout.height ?? defaultSize.height,
  };
}

/** The colour of the series with this index; they repeat after the seventh. */
export function colour(index: number): string {
  return colours[index % colours.length]!;
}

export function symbol(index: number): string {
  return symbols[index % symbols.length]!;
}

export function dash(index: number): (typeof dashes)[number] {
  return dashes[index % dashes.length]!;
}

/** `#rrggbb` with an opacity in 0…1. */
export function translucent(hex: string, opacity: number): string {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

/** An axis title with its unit in brackets. */
export function axisTitle({ title, unit }: Axis): string {
  return plain(unit ? `${title} (${unit})` : title);
}

export interface LayoutOptions extends FigureText {
  x: Axis;
  y: Axis;
  /** Names in the legend; there is none for fewer than two. */
  legend?: readonly string[];
  references?: readonly ReferenceLine[];
}

/** The layout that all figures share: title, caption and legend above the plot, labelled axes, quiet grid. */
export function themeLayout(options: LayoutOptions): Partial<Layout> {
  const { width = defaultSize.width, height = defaultSize.height, references = [] } = options;
  const perLine = (fontSize: number) => Math.floor((width - 2 * edge) / (fontSize * characterWidth));
  const title = wrap(options.title, Math.floor(perLine(fontSizes.title) * 0.92));
  const caption = options.caption ? wrap(options.caption, perLine(fontSizes.caption)) : [];
  const legend = legendRows(options.legend ?? [], width);
  const lineCount = title.length + caption.length;
  // Plotly puts the top of a single line there, but the first baseline of several lines.
  const firstBaseline = edge + 0.75 * fontSizes.title - (lineCount === 1 ? 0.7 * fontSizes.caption : 0);
  const headHeight = edge + fontSizes.title + (lineCount - 1) * lineHeight * fontSizes.caption + 12;
  const legendHeight = legend.rows * (fontSizes.small * lineHeight + 5);
  const labelHeight = references.length > 0 ? fontSizes.small * lineHeight : 0;
  return {
    width,
    height,
    colorway: [...colours],
    font: { family: fontFamily, size: fontSizes.text, color: ink.text },
    title: {
      text: [
        ...title.map((line) => `<b style="font-size: ${fontSizes.title}px">${plain(line)}</b>`),
        ...caption.map((line) => `<span style="color: ${ink.caption}">${plain(line)}</span>`),
      ].join("<br>"),
      font: { size: fontSizes.caption },
      x: 0,
      xref: "container",
      xanchor: "left",
      y: 1,
      yref: "container",
      yanchor: "top",
      pad: { l: edge, t: firstBaseline, b: 0, r: 0 },
    },
    margin: { l: 70, r: edge + 6, t: headHeight + legendHeight + labelHeight, b: 64 },
    paper_bgcolor: "#ffffff",
    plot_bgcolor: "#ffffff",
    showlegend: legend.rows > 0,
    legend: {
      orientation: "h",
      x: 0,
      xanchor: "left",
      y: 1 - (headHeight - 6) / height,
      yref: "container",
      yanchor: "top",
      font: { size: fontSizes.small },
      entrywidth: legend.entryWidth,
      entrywidthmode: "pixels",
      maxheight: 1, // room for all rows is in the margin; by default Plotly hides those beyond half of the figure
    } as Layout["legend"],
    hoverlabel: { font: { family: fontFamily, size: fontSizes.small }, namelength: -1 },
    xaxis: themeAxis(options.x),
    yaxis: themeAxis(options.y),
    shapes: references.map(referenceLine),
    annotations: references.map(referenceLabel(options.x)),
  };
}

function themeAxis(axis: Axis): Partial<LayoutAxis> {
  return {
    title: { text: axisTitle(axis), font: { size: fontSizes.text }, standoff: 10 },
    type: axis.log ? "log" : "linear",
    ...(axis.range ? { range: axis.log ? axis.range.map(Math.log10) : [...axis.range] } : {}),
    ...(axis.percent ? { tickformat: percentTicks } : {}),
    // Small and large values as they are: 0.0001 and 20,000, not 100µ and 20k.
    minexponent: 6,
    separatethousands: true,
    ...(axis.log ? { dtick: "D2", minorloglabels: "complete" } : {}),
    automargin: true,
    tickfont: { size: fontSizes.small },
    gridcolor: ink.grid,
    linecolor: ink.line,
    showline: true,
    zeroline: false,
    ticks: "outside",
    tickcolor: ink.line,
  };
}

function referenceLine({ value }: ReferenceLine): Partial<Shape> {
  const line = { color: ink.line, width: 1.5, dash: "dot" } as const;
  return { type: "line", xref: "x", yref: "paper", x0: value, x1: value, y0: 0, y1: 1, line };
}

function referenceLabel(axis: Axis): (reference: ReferenceLine) => Partial<Annotations> {
  return ({ value, label }) => ({
    text: plain(label),
    // Plotly wants annotations (not shapes) on a logarithmic axis by exponent.
    x: axis.log ? Math.log10(value) : value,
    y: 1,
    xref: "x",
    yref: "paper",
    yanchor: "bottom",
    showarrow: false,
    font: { size: fontSizes.small, color: ink.caption },
  });
}

/** How many rows a legend of equally wide entries takes. */
function legendRows(names: readonly string[], width: number): { rows: number; entryWidth: number } {
  if (names.length < 2) return { rows: 0, entryWidth: 0 };
  const longest = Math.max(...names.map((name) => [...name].length));
  const entryWidth = Math.ceil(longest * fontSizes.small * (characterWidth + 0.04)) + 6;
  const perRow = Math.max(1, Math.floor((width - 100) / (entryWidth + 45)));
  return { rows: Math.ceil(names.length / perRow), entryWidth };
}
