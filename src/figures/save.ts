import { basename } from "node:path";
import { writeFileWhole, writeJson } from "../io";
import { BrowserMissingError } from "./browser";
import { type RenderedFigure, renderFigure } from "./render";
import type { Figure } from "./types";

const state = { warned: false };

/** The figure's pictures, or `undefined` where there is no browser to make them, of which the first call warns. */
export async function tryRender(figure: Figure): Promise<RenderedFigure | undefined> {
  try {
    return await renderFigure(figure);
  } catch (error) {
    if (!(error instanceof BrowserMissingError)) throw error;
    if (!state.warned) console.warn(`Figures are saved as JSON only: ${error.message}`);
    state.warned = true;
    return undefined;
  }
}

/**
 * Writes a figure to `path` + `.png` (two pixels each way for one of its size), `.svg` and `.pdf` (vectors, as large as
 * the figure) and `.json` (the Plotly figure itself), each whole or not at all, and all or none if drawing fails.
 * Without a browser it writes the JSON alone and warns once.
 *
 * @returns the paths that were written
 */
export async function saveFigure(figure: Figure, path: string): Promise<string[]> {
  checkPath(path);
  return writeFigure(figure, await tryRender(figure), path);
}

export function checkPath(path: string): void {
  if (/\.(png|svg|pdf|json)$/i.test(path))
    throw new Error(`${path}: give the path without an extension; ${basename(path)} gets four of them`);
}

export function writeFigure(figure: Figure, pictures: RenderedFigure | undefined, path: string): string[] {
  writeJson(`${path}.json`, figure);
  if (!pictures) return [`${path}.json`];
  const { png, svg, pdf } = pictures;
  for (const [extension, content] of Object.entries({ png, svg, pdf })) {
    writeFileWhole(`${path}.${extension}`, content);
  }
  return ["json", "png", "svg", "pdf"].map((extension) => `${path}.${extension}`);
}
