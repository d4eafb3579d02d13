import { randomBytes } from "node:crypto";
import { display, escapeHtml, type MimeBundle } from "../notebook";
import { checkPath, tryRender, writeFigure } from "./save";
import { size } from "./theme";
import type { Figure } from "./types";

/** How plotly.js behaves in the notebook. */
const config = { displaylogo: false, responsive: false };

/** The figure's title, without markup. */
function titleOf(figure: Figure): string {
  const title = figure.layout.title;
  const text = (typeof title === "string" ? title : title?.text) ?? "";
  const characters = /&#(\d+);/g;
  return text
    .split("<br>")[0]!
    .replace(/<[^>]*>/g, "")
    .replace(characters, (_, code: string) => String.fromCharCode(Number(code)));
}

/**
 * Shows a figure in the running notebook cell: live in a stock JupyterLab or classic Notebook without extensions (and
 * where an extension draws `application/vnd.plotly.v1+json`), as a picture everywhere else: on GitHub, in nbconvert's
 * pages, in a notebook that is not trusted. Outside a notebook kernel nothing is shown.
 *
 * With a `path` (without an extension) it also saves the figure, as {@link saveFigure} does, and draws it only once.
 */
export async function showFigure(figure: Figure, path?: string): Promise<void> {
  display(await figureBundle(figure, path));
}

/** What {@link showFigure} shows; it also saves the figure where there is a path. */
export async function figureBundle(figure: Figure, path?: string): Promise<MimeBundle> {
  if (path !== undefined) checkPath(path);
  const pictures = await tryRender(figure);
  if (path !== undefined) writeFigure(figure, pictures, path);
  return {
    "application/vnd.plotly.v1+json": { ...figure, config },
    "text/html": figureHtml(figure, pictures?.png),
    ...(pictures ? { "image/png": pictures.png } : {}),
    "text/plain": figureText(figure),
  };
}

/** What stands for a figure where no picture can. */
export function figureText(figure: Figure): string {
  return `[figure: ${titleOf(figure)}]`;
}

/**
 * A picture that becomes a live plot once plotly.js is there. plotly.js is not stored in the notebook: the Jupyter
 * server that shows the notebook also serves the project's files, node_modules among them, so that nothing comes from
 * the network. Where it serves other folders, or no scripts may run, the picture stays.
 */
export function figureHtml(figure: Figure, png: Uint8Array | undefined): string {
  const { width, height } = size(figure);
  const id = `figure-${randomBytes(8).toString("hex")}`;
  const title = escapeHtml(titleOf(figure));
  const picture = png
    ? `<img alt="${title}" width="${width}" height="${height}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`
    : `<p>${title} (no picture: no browser was found to draw it)</p>`;
  const content = JSON.stringify({ ...figure, config }).replace(/</g, "\\u003c");
  return `<div id="${id}">${picture}</div><script>(${enliven})("${id}", ${content})</script>`;
}

/** Runs in the notebook's page: loads plotly.js once for all figures, and puts the live plot in the picture's place. */
const enliven = `function (id, figure) {
  function load(addresses) {
    if (window.Plotly) return Promise.resolve();
    if (addresses.length === 0) return Promise.reject(new Error("plotly.js is not served here"));
    return new Promise(function (resolve, reject) {
      var script = document.createElement("script");
      script.src = addresses[0];
      script.onload = resolve;
      script.onerror = reject;
      document.head.appendChild(script);
    }).then(function () { return load([]); }).catch(function () { return load(addresses.slice(1)); });
  }
  function addresses() {
    var settings = document.getElementById("jupyter-config-data");
    var base = settings ? JSON.parse(settings.textContent).baseUrl : document.body.dataset.baseUrl;
    if (!base) return [];
    // The project is the folder that Jupyter serves, or one that the open notebook lies in.
    var folders = location.pathname.replace(new RegExp("^.*?/(tree|notebooks)/"), "").split("/");
    return folders.map(function (_, depth) {
      var folder = folders.slice(0, depth).concat("").join("/");
      return base + "files/" + folder + "node_modules/plotly.js-dist-min/plotly.min.js";
    });
  }
  function show(attempts) {
    var places = document.querySelectorAll('[id="' + id + '"]');
    if (places.length === 0 && attempts > 0) setTimeout(show, 100, attempts - 1);
    places.forEach(function (place) {
      var plot = document.createElement("div");
      place.appendChild(plot);
      Plotly.newPlot(plot, figure).then(
        function () { place.replaceChildren(plot); },
        function () { plot.remove(); }
      );
    });
  }
  window.personaPlotly = window.personaPlotly || load(addresses());
  window.personaPlotly.then(function () { show(50); }, function () {});
}`;
