import { startBrowser } from "./browser";
import type { DevTools } from "./devtools";

/** A page of the browser that can load nothing from anywhere. */
export interface Page {
  browser: DevTools;
  session: string;
  target: string;
}

let running: Promise<DevTools> | undefined;

/**
 * The one browser of this process, started on the first call.
 *
 * @throws {BrowserMissingError} if there is none
 */
export function sharedBrowser(): Promise<DevTools> {
  running = running
    ? running.then(
        (browser) => (browser.alive ? browser : startBrowser()),
        () => startBrowser(),
      )
    : startBrowser();
  return running;
}

/** Ends the browser, if one runs. It is not needed before the process ends: the browser ends with it. */
export async function closeBrowser(): Promise<void> {
  const open = running;
  running = undefined;
  await open?.then(
    (browser) => browser.close(),
    () => undefined,
  );
}

/** A new empty page without a network. */
export async function openPage(browser: DevTools): Promise<Page> {
  const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
  const session = sessionId as string;
  const offline = { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 };
  await browser.send("Network.enable", {}, session);
  await browser.send("Network.emulateNetworkConditions", offline, session);
  return { browser, session, target: targetId as string };
}

export async function closePage({ browser, target }: Page): Promise<void> {
  await browser.send("Target.closeTarget", { targetId: target });
}

/**
 * The value of a JavaScript expression in the page, awaited if it is a promise.
 *
 * @throws {Error} `problem`, followed by the page's words, if the expression throws
 */
export async function evaluate(
  { browser, session }: Page,
  expression: string,
  problem: string,
): Promise<unknown> {
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
    const thrown = exception && (exception.description ?? JSON.stringify(exception.value));
    throw new Error(`${problem}: ${thrown ?? text}`);
  }
  return result.value;
}

/** A picture of a part of the page, in CSS pixels; `scale` pixels of the picture for each. */
export async function takePicture(
  { browser, session }: Page,
  clip: { x: number; y: number; width: number; height: number; scale: number },
): Promise<Uint8Array> {
  // A page behind another one may not be drawn.
  await browser.send("Page.bringToFront", {}, session);
  const picture = await browser.send(
    "Page.captureScreenshot",
    { format: "png", captureBeyondViewport: true, clip },
    session,
  );
  return Buffer.from(picture["data"] as string, "base64");
}

export interface Paper {
  /** CSS pixels. */
  width: number;
  height: number;
  /**
   * Such as `1-3`.
   * @default all
   */
  pages?: string;
  /** With structure and outline, for a text; a picture has none. */
  tagged?: boolean;
}

/** The page as PDF, without margins. */
export async function printPage(
  { browser, session }: Page,
  { width, height, pages = "", tagged = false }: Paper,
): Promise<Uint8Array> {
  const paper = await browser.send(
    "Page.printToPDF",
    {
      paperWidth: width / 96,
      paperHeight: height / 96,
      printBackground: true,
      pageRanges: pages,
      generateTaggedPDF: tagged,
      generateDocumentOutline: tagged,
      ...{ marginTop: 0, marginBottom: 0, marginLeft: 0, marginRight: 0 },
    },
    session,
  );
  return Buffer.from(paper["data"] as string, "base64");
}
