import type { Figure } from "./types";

/** The last characters of a PNG's base64 hold checksums of its pixels: enough to know the picture by. */
const endLength = 48;

/**
 * A script for a notebook's page that puts the live plot in the place of the figure's picture, wherever in the page that
 * is; without a picture it draws into its own output. plotly.js is not stored in the notebook: the Jupyter server that
 * shows the notebook also serves the project's files, node_modules among them, so that nothing comes from the network.
 * Where it serves other folders the picture stays.
 *
 * @param config what plotly.js is to do in the page
 */
export function enlivening(
  figure: Figure,
  config: object,
  title: string,
  png: Uint8Array | undefined,
): string {
  const end = png ? Buffer.from(png).toString("base64").slice(-endLength) : "";
  const values = [{ ...figure, config }, title, end].map((value) =>
    JSON.stringify(value).replace(/</g, "\\u003c"),
  );
  return `(${enliven})(${values.join(", ")}, element);`;
}

/** Runs in the notebook's page, where `element` is the place of the script's own output. */
const enliven = `function (figure, title, end, output) {
  if (output.jquery) output = output[0];
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
  /** The figure's picture, in every view of the notebook, once the page has it. */
  function pictures(attempts) {
    var found = Array.from(document.querySelectorAll('img[src$="' + end + '"]'));
    if (found.length > 0 || attempts === 0) return Promise.resolve(found);
    return new Promise(function (resolve) { setTimeout(resolve, 100); }).then(function () { return pictures(attempts - 1); });
  }
  function draw(place, picture) {
    return window.personaPlotly.then(function () { return Plotly.newPlot(place, figure); }).then(
      function () { if (picture) picture.style.display = "none"; },
      function () {
        if (!picture) return;
        place.remove();
        delete picture.dataset.live;
      }
    );
  }
  window.personaPlotly = window.personaPlotly || load(addresses());
  if (end === "") return draw(output);
  return pictures(50).then(function (found) {
    var row = output.closest(".jp-OutputArea-child, .output_area") || output;
    row.style.display = "none";
    return Promise.all(found.map(function (picture) {
      picture.alt = title;
      if (picture.dataset.live) return undefined;
      picture.dataset.live = "yes";
      var plot = document.createElement("div");
      picture.after(plot);
      return draw(plot, picture);
    }));
  });
}`;
