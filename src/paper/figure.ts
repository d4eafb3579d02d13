import { BrowserMissingError, type Figure, renderFigure } from "../figures";
import type { PaperFigure } from "./document";

/** A figure as a paper shows it: its title and caption are in the text. */
export async function drawFigure(figure: Figure): Promise<PaperFigure["picture"]> {
  try {
    const { svg, pdf } = await renderFigure(untitled(figure));
    return { svg, pdf };
  } catch (error) {
    if (!(error instanceof BrowserMissingError)) throw error;
    return { missing: "there was no browser to draw it" };
  }
}

/** Takes the title away, and the room that it took. */
function untitled(figure: Figure): Figure {
  const { title, margin, legend, height = 0, ...layout } = figure.layout;
  void title;
  const head = (1 - (legend?.y ?? 1)) * height;
  const left = height - head;
  return {
    data: figure.data,
    layout: {
      ...layout,
      height: left,
      margin: { ...margin, t: (margin?.t ?? 0) - head + 4 },
      legend: { ...legend, y: 1 },
    },
  };
}
