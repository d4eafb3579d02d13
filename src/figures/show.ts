import { basename } from "node:path";
import { display, type MimeBundle } from "../display";
import { escapeHtml } from "../text";
import { enlivening } from "./enliven";
import { checkPath, tryRender, writeFigure } from "./save";
import { size } from "./theme";
import type { Figure } from "./types";

/** A figure as a notebook holds it: two outputs, of which the second makes the first one live. */
export interface ShownFigure {
  /** The picture, stored once, and Plotly's JSON for front ends that draw it themselves. */
  picture: MimeBundle;
  /** The size at which the picture is shown (it has more pixels), and its alternative text. */
  metadata: Record<string, unknown>;
  /** A script, which runs where the notebook is trusted; elsewhere a note says how to trust it. */
  live: MimeBundle;
}

/**
 * Shows a figure in the running notebook cell: live in a stock JupyterLab or classic Notebook without extensions (and
 * where an extension draws `application/vnd.plotly.v1+json`), as a picture everywhere else: on GitHub, in nbconvert's
 * pages, in a notebook that is not trusted. Outside a notebook kernel nothing is shown.
 *
 * With a `path` (without an extension) it also saves the figure, as {@link saveFigure} does, and draws it only once.
 */
export async function showFigure(figure: Figure, path?: string): Promise<void> {
  const { picture, metadata, live } = await figureOutputs(figure, path);
  display(picture, metadata);
  display(live);
}

/** What {@link showFigure} shows; it also saves the figure where there is a path. */
export async function figureOutputs(figure: Figure, path?: string): Promise<ShownFigure> {
  if (path !== undefined) checkPath(path);
  const pictures = await tryRender(figure);
  if (path !== undefined) writeFigure(figure, pictures, path);
  const title = titleOf(figure);
  const config = plotlyConfig(path === undefined ? fileName(title) : basename(path));
  const note = pictures
    ? "A picture. In JupyterLab it becomes a live plot"
    : `${title} (no picture: no browser was found to draw it). In JupyterLab a live plot appears here`;
  return {
    picture: {
      "application/vnd.plotly.v1+json": { ...figure, config },
      ...(pictures ? { "image/png": pictures.png } : {}),
      "text/plain": figureText(figure),
    },
    metadata: pictureMetadata(figure),
    live: {
      "application/javascript": enlivening(figure, config, title, pictures?.png),
      "text/html": `<small>${escapeHtml(note)} once the notebook is trusted: Ctrl+Shift+C, <i>Trust Notebook</i>.</small>`,
      "text/plain": "",
    },
  };
}

/** What stands for a figure where no picture can. */
export function figureText(figure: Figure): string {
  return `[figure: ${titleOf(figure)}]`;
}

/** The size of a figure's picture and its text for those who cannot see it, in the notebook format's words. */
export function pictureMetadata(figure: Figure): Record<string, unknown> {
  return { "image/png": { ...size(figure), alt: titleOf(figure) } };
}

/**
 * How plotly.js behaves in the notebook. Nothing that it offers sends the figure anywhere: the button that would is
 * neither asked for nor left in the bar, and has no address. The camera saves what `showFigure` saves, as large.
 */
function plotlyConfig(filename: string): object {
  return {
    displaylogo: false,
    responsive: false,
    showSendToCloud: false,
    modeBarButtonsToRemove: ["sendChartToCloud"],
    plotlyServerURL: "",
    toImageButtonOptions: { format: "png", scale: 2, filename },
  };
}

/** The figure's title, without markup: the bold lines of the head that figures share, or the first line of another. */
function titleOf(figure: Figure): string {
  const title = figure.layout.title;
  const text = (typeof title === "string" ? title : title?.text) ?? "";
  const lines = text.split("<br>");
  const bold = lines.filter((line) => line.startsWith("<b "));
  const characters = /&#(\d+);/g;
  return (bold.length > 0 ? bold : lines.slice(0, 1))
    .join(" ")
    .replace(/<[^>]*>/g, "")
    .replace(characters, (_, code: string) => String.fromCharCode(Number(code)));
}

/** Characters of a file's name, at most. */
const mostOfName = 60;

/** A title as the name of a file: its first words, none of them cut. */
function fileName(title: string): string {
  const words = [...new Intl.Segmenter("en", { granularity: "word" }).segment(title.toLowerCase())]
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => segment);
  let name = words[0] ?? "figure";
  for (const word of words.slice(1)) {
    if (name.length + 1 + word.length > mostOfName) break;
    name += `-${word}`;
  }
  return name;
}
