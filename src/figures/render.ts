import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { startBrowser } from "./browser";
import type { DevTools } from "./devtools";
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

/** Where plotly.js lies, as one file for a page. */
export function plotlyPath(): string {
  return createRequire(join(process.cwd(), "package.json")).resolve("plotly.js-dist-min/plotly.min.js");
}

/** A page with plotly.js in it that can load nothing from anywhere. */
interface Page {
  browser: DevTools;
  session: string;
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

/** Ends the browser, if one runs. It is not needed before the process ends: the browser ends with it. */
export async function closeBrowser(): Promise<void> {
  const open = page;
  page = undefined;
  await open?.then(
    ({ browser }) => browser.close(),
    () => undefined,
  );
}

function enqueue<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const result = queue.then(async () => work(await openPage()));
  queue = result.catch(() => undefined);
  return result;
}

async function openPage(): Promise<Page> {
  const open = await page?.catch(() => undefined);
  if (!open?.browser.alive) page = startPage();
  return page!;
}

async function startPage(): Promise<Page> {
  const browser = await startBrowser();
  try {
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    const session = sessionId as string;
    const offline = { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 };
    await browser.send("Network.enable", {}, session);
    await browser.send("Network.emulateNetworkConditions", offline, session);
    await evaluate({ browser, session }, `${readFileSync(plotlyPath(), "utf8")};0`);
    return { browser, session };
  } catch (error) {
    browser.close();
    throw error;
  }
}

/** All forms of a figure. */
async function draw(page: Page, figure: Figure): Promise<RenderedFigure> {
  const { width, height } = size(figure);
  const svg = await drawOnPage(page, figure);
  const png = await photograph(page, figure);
  const { browser, session } = page;
  const paper = await browser.send(
    "Page.printToPDF",
    {
      paperWidth: width / 96,
      paperHeight: height / 96,
      printBackground: true,
      pageRanges: "1",
      ...{ marginTop: 0, marginBottom: 0, marginLeft: 0, marginRight: 0 },
    },
    session,
  );
  return { png, svg, pdf: Buffer.from(paper["data"] as string, "base64") };
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
  )) as string;
}

/** What {@link drawOnPage} left on the page, in pixels. */
async function photograph({ browser, session }: Page, figure: Figure): Promise<Uint8Array> {
  const { width, height } = size(figure);
  const picture = await browser.send(
    "Page.captureScreenshot",
    { format: "png", captureBeyondViewport: true, clip: { x: 0, y: 0, width, height, scale: pngScale } },
    session,
  );
  return Buffer.from(picture["data"] as string, "base64");
}

/** The value of a JavaScript expression in the page, awaited if it is a promise. */
async function evaluate({ browser, session }: Page, expression: string): Promise<unknown> {
  const { result, exceptionDetails } = (await browser.send(
    "Runtime.evaluate",
    { expression, awaitPromise: true, returnByValue: true },
    session,
  )) as {
    result: { value?: unknown };
    exceptionDetails?: { text: string; exception?: { description?: string; value?: unknown } };
  };
  if (exceptionDetails) {
    const { text, exception } = exceptionDetails;
    throw new Error(
      `plotly.js cannot draw this figure: ${exception?.description ?? exception?.value ?? text}`,
    );
  }
  return result.value;
}
