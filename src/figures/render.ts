import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { evaluate, openPage, type Page, printPage, sharedBrowser, takePicture } from "./page";
import { size } from "./theme";
import type { Figure } from "./types";

/** A figure as files' contents: pixels, and vectors with selectable text. */
export interface RenderedFigure {
  png: Uint8Array;
  svg: string;
  pdf: Uint8Array;
}

/** Pixels of the PNG for each pixel of the figure's size. */
const pngScale = 2;

const refused = "plotly.js cannot draw this figure";

/** Where plotly.js lies, as one file for a page. */
export function plotlyPath(): string {
  return createRequire(join(process.cwd(), "package.json")).resolve("plotly.js-dist-min/plotly.min.js");
}

let page: Promise<Page> | undefined;
let queue: Promise<unknown> = Promise.resolve();

/**
 * Draws a figure in the one browser of this process, which is started on the first call. Calls wait for one another.
 *
 * @throws {BrowserMissingError} if there is no browser
 * @throws {Error} with plotly.js' words if it cannot draw the figure
 */
export function renderFigure(figure: Figure): Promise<RenderedFigure> {
  return enqueue((page) => draw(page, figure));
}

/** Draws a figure as pixels alone, in less time than all its forms take; otherwise as {@link renderFigure}. */
export function renderPng(figure: Figure): Promise<Uint8Array> {
  return enqueue(async (page) => {
    await drawOnPage(page, figure);
    return photograph(page, figure);
  });
}

function enqueue<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const result = queue.then(async () => work(await plotlyPage()));
  queue = result.catch(() => undefined);
  return result;
}

async function plotlyPage(): Promise<Page> {
  const open = await page?.catch(() => undefined);
  if (!open?.browser.alive) page = startPage();
  return page!;
}

async function startPage(): Promise<Page> {
  const started = await openPage(await sharedBrowser());
  await evaluate(started, `${readFileSync(plotlyPath(), "utf8")};0`, refused);
  return started;
}

/** All forms of a figure. */
async function draw(page: Page, figure: Figure): Promise<RenderedFigure> {
  const svg = await drawOnPage(page, figure);
  const png = await photograph(page, figure);
  return { png, svg, pdf: await printPage(page, { ...size(figure), pages: "1" }) };
}

/** The picture that plotly.js makes is shown alone on the page, to be photographed and printed. */
async function drawOnPage(page: Page, figure: Figure): Promise<string> {
  const { width, height } = size(figure);
  return (await evaluate(
    page,
    `(async (figure, width, height) => {
      const address = await Plotly.toImage(figure, { format: "svg", width, height });
      const svg = decodeURIComponent(address.slice(address.indexOf(",") + 1));
      document.head.innerHTML = "<style>@page { margin: 0 } body { margin: 0; overflow: hidden } svg { display: block }</style>";
      document.body.innerHTML = svg;
      await document.fonts.ready;
      return svg;
    })(${JSON.stringify(figure)}, ${width}, ${height})`,
    refused,
  )) as string;
}

/** What {@link drawOnPage} left on the page, in pixels. */
function photograph(page: Page, figure: Figure): Promise<Uint8Array> {
  return takePicture(page, { x: 0, y: 0, ...size(figure), scale: pngScale });
}
