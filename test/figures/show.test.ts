import assert from "node:assert/strict";
import { test } from "node:test";
import { bars } from "../../src/figures/bars";
import {
  closeBrowser,
  closePage,
  evaluate,
  openPage,
  type Page,
  sharedBrowser,
} from "../../src/figures/page";
import { plotlyPath, renderFigure } from "../../src/figures/render";
import { showFigure } from "../../src/figures/show";
import type { Figure } from "../../src/figures/types";
import { readFileSync } from "node:fs";
import { captureAsync, type Shown } from "../notebook/capture";

test.after(() => closeBrowser());

const title = `How much of </script><script>alert("1")</script> the personas' vocabulary every conversation of the corpus uses`;
const figure = bars({
  title,
  caption: "Not part of the title.",
  categories: ["train", "<b>"],
  series: [{ name: "rows", values: [3, 5] }],
  x: { title: "split" },
  y: { title: "size", unit: "conversations" },
});
const problem = renderFigure(figure).then(
  () => undefined,
  (error: Error) => error.message,
);

interface PlotlyConfig {
  toImageButtonOptions: { format: string; scale: number; filename: string };
}
const configOf = (shown: Shown) =>
  (shown.data["application/vnd.plotly.v1+json"] as { config: PlotlyConfig }).config;

test("a figure is two outputs: its picture, stored once, and a script that makes it live", async (t) => {
  if (await problem) return t.skip(await problem);
  const shown = await captureAsync(() => showFigure(figure));
  assert.deepEqual(
    shown.map(({ data }) => Object.keys(data).sort()),
    [
      ["application/vnd.plotly.v1+json", "image/png", "text/plain"],
      ["application/javascript", "text/html", "text/plain"],
    ],
  );
  const [picture, live] = shown as [Shown, Shown];
  const base64 = picture.data["image/png"] as string;
  assert.deepEqual(picture.metadata["image/png"], { width: 760, height: 460, alt: title });
  assert.equal(picture.data["text/plain"], `[figure: ${title}]`);
  assert.ok(!JSON.stringify(live.data).includes(base64.slice(0, 100)), "the picture is stored twice");
  // nbconvert puts the script into a page as it is.
  const script = live.data["application/javascript"] as string;
  assert.doesNotMatch(script, /<\/?script/);
  assert.doesNotMatch(script, /https?:/);
  assert.match(live.data["text/html"] as string, /^<small>A picture\. .*<i>Trust Notebook<\/i>\.<\/small>$/);
});

test("the downloaded picture is called as the saved one, or by the title's first words, none of them cut", async (t) => {
  if (await problem) return t.skip(await problem);
  const named = async (title: string) => {
    const figure: Figure = { data: [], layout: { title: { text: title } } };
    const [shown] = await captureAsync(() => showFigure(figure));
    return configOf(shown!).toImageButtonOptions;
  };
  const [shown] = await captureAsync(() => showFigure(figure));
  assert.deepEqual(configOf(shown!).toImageButtonOptions, {
    format: "png",
    scale: 2,
    filename: "how-much-of-script-script-alert-1-script-the-personas",
  });
  assert.equal((await named("Größe, Länge")).filename, "größe-länge");
  assert.equal((await named("…")).filename, "figure");
});

/** A page as a notebook's: two views of the picture, and the script's own output. plotly.js is there already. */
async function openNotebook(picture: Shown, live: Shown): Promise<Page> {
  const page = await openPage(await sharedBrowser());
  const image = `<img src="data:image/png;base64,${picture.data["image/png"] as string}">`;
  const body = `<div>${image}</div><div>${image}</div><div class="jp-OutputArea-child"><p id="own"></p></div>`;
  await evaluate(page, `${readFileSync(plotlyPath(), "utf8")};0`, "plotly.js");
  await evaluate(
    page,
    `window.sent = [];
    for (const [where, name] of [[window, "fetch"], [window, "open"], [navigator, "sendBeacon"], [XMLHttpRequest.prototype, "open"], [HTMLFormElement.prototype, "submit"]]) {
      const before = where[name];
      where[name] = function (...values) { window.sent.push(name + " " + values.join(" ")); return before.apply(this, values); };
    }
    document.body.innerHTML = ${JSON.stringify(body)}; 0`,
    "the page",
  );
  const script = live.data["application/javascript"] as string;
  await evaluate(page, `(async (element) => eval(${JSON.stringify(script)}))(own)`, "the script");
  return page;
}

test("the live plot stands in its picture's place, in every view; nothing in its bar sends the data anywhere", async (t) => {
  if (await problem) return t.skip(await problem);
  const [picture, live] = (await captureAsync(() => showFigure(figure))) as [Shown, Shown];
  const page = await openNotebook(picture, live);
  const seen = JSON.parse(
    (await evaluate(
      page,
      `(async () => {
        const plots = [...document.querySelectorAll(".js-plotly-plot")];
        const bar = [...plots[0].querySelectorAll(".modebar-btn")];
        const titles = bar.map((button) => button.dataset.title);
        for (const button of bar) {
          if (button.dataset.title.startsWith("Download")) continue; // a file of one's own
          button.click();
          document.querySelectorAll(".plotly-cloud-dialog-buttons *").forEach((element) => element.click());
        }
        await new Promise((resolve) => setTimeout(resolve, 300));
        return JSON.stringify({
          plots: plots.length,
          pictures: [...document.images].map(({ style, alt }) => [style.display, alt]),
          own: getComputedStyle(own.parentNode).display,
          titles,
          links: document.querySelectorAll(".js-plotly-plot a[href]").length,
          address: plots[0]._context.plotlyServerURL,
          sent: window.sent,
          loaded: performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => !name.startsWith("data:")),
        });
      })()`,
      "reading the page",
    )) as string,
  ) as Record<string, unknown>;
  assert.deepEqual(seen, {
    plots: 2,
    pictures: [
      ["none", title],
      ["none", title],
    ],
    own: "none",
    titles: [
      "Download plot as a PNG",
      "Zoom",
      "Pan",
      "Box Select",
      "Lasso Select",
      "Zoom in",
      "Zoom out",
      "Autoscale",
      "Reset axes",
    ],
    links: 0,
    address: "",
    sent: [],
    loaded: [],
  });
  await closePage(page);
});

test("where plotly.js is not served the picture stays, and where there is no picture the plot has a place of its own", async (t) => {
  if (await problem) return t.skip(await problem);
  const [picture, live] = (await captureAsync(() => showFigure(figure))) as [Shown, Shown];
  const script = live.data["application/javascript"] as string;
  const page = await openPage(await sharedBrowser());
  const state = () =>
    evaluate(
      page,
      `JSON.stringify([document.querySelectorAll(".js-plotly-plot").length, [...document.images].map(({ style }) => style.display)])`,
      "reading the page",
    );
  const image = `<img src="data:image/png;base64,${picture.data["image/png"] as string}"><p id="own"></p>`;
  await evaluate(page, `document.body.innerHTML = ${JSON.stringify(image)}; 0`, "the page");
  await evaluate(page, `(async (element) => eval(${JSON.stringify(script)}))(own)`, "the script");
  assert.equal(await state(), `[0,[""]]`);

  const { enlivening } = await import("../../src/figures/enliven");
  await evaluate(page, `${readFileSync(plotlyPath(), "utf8")};delete window.personaPlotly;0`, "plotly.js");
  await evaluate(page, `document.body.innerHTML = '<p id="own"></p>'; 0`, "the page");
  const alone = enlivening(figure, {}, title, undefined);
  await evaluate(page, `(async (element) => eval(${JSON.stringify(alone)}))(own)`, "the script");
  assert.equal(await state(), `[1,[]]`);
  await closePage(page);
});
