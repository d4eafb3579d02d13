import { startBrowser } from "../src/figures/browser";
import { DevTools } from "../src/figures/devtools";

/** A page of a browser that reaches servers of this computer and nothing else, with a person's mouse and keys. */
export class LocalPage {
  private constructor(
    private readonly browser: DevTools,
    private readonly session: string,
  ) {}

  /**
   * @param flags for the browser, beside those that it always gets
   * @throws {BrowserMissingError} if there is no browser
   */
  static async open(url: string, flags: readonly string[] = []): Promise<LocalPage> {
    const found = await startBrowser();
    const { command } = found;
    found.close();
    const browser = new DevTools({
      ...command,
      arguments: [
        ...(command.arguments ?? []),
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        ...flags,
      ],
    });
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new LocalPage(browser, sessionId as string);
    const size = { width: 1200, height: 900, deviceScaleFactor: 1, mobile: false };
    await page.send("Emulation.setDeviceMetricsOverride", size);
    await page.send("Page.navigate", { url });
    return page;
  }

  /** The value of an expression in the page, awaited. */
  async evaluate(expression: string, seconds = 60): Promise<unknown> {
    const reply = await this.send(
      "Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true },
      seconds,
    );
    const { result, exceptionDetails } = reply as {
      result: { value?: unknown };
      exceptionDetails?: { exception?: { description?: string }; text: string };
    };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /**
   * Awaits that an expression of the page is true.
   *
   * @throws {Error} with what it was about, and what the page shows instead
   */
  async until(expression: string, what: string, seconds = 60): Promise<void> {
    const deadline = Date.now() + 1000 * seconds;
    while ((await this.evaluate(`Boolean(${expression})`)) !== true) {
      if (Date.now() > deadline)
        throw new Error(
          `${what}: not after ${seconds} s; ${String(await this.evaluate("document.body.innerText"))}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Clicks on the middle of the first element that fits, once it is there. */
  async click(selector: string): Promise<void> {
    const found = `document.querySelector(${JSON.stringify(selector)})`;
    await this.until(found, `something to click on at ${selector}`);
    // A page that is still being laid out moves what is under the mouse.
    let place: number[];
    let before: number[] = [];
    for (;;) {
      place = (await this.evaluate(
        `(({ x, y, width, height }) => [x + width / 2, y + height / 2])(${found}.getBoundingClientRect())`,
      )) as number[];
      if (place.join() === before.join()) break;
      before = place;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    const [x, y] = place;
    for (const type of ["mouseMoved", "mousePressed", "mouseReleased"])
      await this.send("Input.dispatchMouseEvent", {
        ...{ type, x, y },
        ...(type !== "mouseMoved" && { button: "left", clickCount: 1 }),
      });
  }

  /** Types a line into what has the focus, and Enter. */
  async typeLine(text: string): Promise<void> {
    await this.send("Input.insertText", { text });
    const key = { key: "Enter", code: "Enter", windowsVirtualKeyCode: 13 };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", text: "\r", ...key });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
  }

  /** Presses a key by its name, such as Tab. */
  async press(key: string, code: number, modifiers = 0): Promise<void> {
    const named = { key, code: key, windowsVirtualKeyCode: code, modifiers };
    const typed = key === "Enter" ? "\r" : key;
    const text = typed.length === 1 && modifiers === 0 ? { text: typed } : {};
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...text, ...named });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...named });
  }

  /** Types a text into what has the focus. */
  async type(text: string): Promise<void> {
    await this.send("Input.insertText", { text });
  }

  private send(method: string, parameters: object, seconds?: number): Promise<Record<string, unknown>> {
    return this.browser.send(method, parameters, this.session, seconds);
  }

  close(): void {
    this.browser.close();
  }
}
