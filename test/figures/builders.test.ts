import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bars } from "../../src/figures/bars";
import { boxes } from "../../src/figures/boxes";
import { ecdf, ecdfSteps } from "../../src/figures/ecdf";
import { heatmap } from "../../src/figures/heatmap";
import { chooseBins, countByBin, histogram } from "../../src/figures/histogram";
import { intervalPanels } from "../../src/figures/intervals";
import { closeBrowser } from "../../src/figures/page";
import { lines, scatter } from "../../src/figures/points";
import { renderFigure } from "../../src/figures/render";
import { plain, wrap } from "../../src/figures/text";
import { colours } from "../../src/figures/theme";
import type { Figure } from "../../src/figures/types";

type Trace = Record<string, unknown>;
const trace = (figure: Figure, index = 0) => figure.data[index] as unknown as Trace;
const axes = { x: { title: "length", unit: "tokens" }, y: { title: "loss" } };
// To a millionth: bins between neighbouring doubles are nobody's histogram.
const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((x) => Math.round(x * 1e6) / 1e6 + 0);
const values = fc.array(value, { minLength: 1 });

test.after(() => closeBrowser());

test("the colours are those that Okabe and Ito publish", () => {
  const published = ["0,114,178", "213,94,0", "0,158,115", "204,121,167", "86,180,233", "230,159,0", "0,0,0"];
  const rgb = colours.map((hex) =>
    [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16)).join(),
  );
  assert.deepEqual(rgb, published);
});

test("bins are few, round and hold every value once", () => {
  fc.assert(
    fc.property(
      fc.oneof(values, fc.array(fc.integer(), { minLength: 1 })),
      fc.integer({ min: 2, max: 60 }),
      (v, most) => {
        const bins = chooseBins(v, most);
        assert.ok(bins.count >= 1 && bins.count <= most);
        const leading = bins.step / 10 ** Math.floor(Math.log10(bins.step) + 1e-9);
        assert.ok(
          [1, 2, 5].some((digit) => Math.abs(leading - digit) < 1e-9),
          `step ${bins.step}`,
        );
        if (v.every(Number.isInteger)) assert.ok(Number.isInteger(bins.step));
        const counts = countByBin(v, bins);
        assert.equal(
          counts.reduce((a, b) => a + b, 0),
          v.length,
        );
      },
    ),
  );
  assert.deepEqual(chooseBins([3, 17, 28], 40), { start: 3, step: 1, count: 26 });
  assert.deepEqual(countByBin([0, 1, 9, 10, 11, 20], chooseBins([0, 1, 9, 10, 11, 20], 3)), [3, 2, 1]);
});

test("a histogram shows counts, or shares of each series", () => {
  const counts = histogram({ title: "t", series: { texts: [1, 1, 2] }, x: axes.x, counted: "texts" });
  assert.deepEqual(
    [trace(counts)["x"], trace(counts)["y"]],
    [
      [1.5, 2.5],
      [2, 1],
    ],
  );
  const series = { short: [1, 1, 2], long: [2] };
  const shares = histogram({ title: "t", series, x: axes.x, counted: "texts", measure: "share" });
  assert.deepEqual(
    [trace(shares, 1)["x"], trace(shares, 1)["y"]],
    [
      [1, 1, 2, 3],
      [0, 0, 1, 0],
    ],
  );
  assert.deepEqual((shares.layout.yaxis!.title as { text: string }).text, "share of texts");
});

test("an ECDF gives the share of values that are at most x", () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 2, max: 20 }), (v, most) => {
      const { x, share } = ecdfSteps(v, most);
      assert.ok(x.length <= most + 1);
      assert.equal(share.at(-1), 1);
      assert.equal(x[0], Math.min(...v));
      assert.equal(x.at(-1), Math.max(...v));
      x.forEach((at, i) => assert.equal(share[i], v.filter((value) => value <= at).length / v.length));
    }),
  );
  assert.deepEqual(ecdfSteps([]), { x: [], share: [] });
  assert.equal(ecdf({ title: "t", series: { a: [1, 2, 2] }, x: axes.x }).data.length, 1);
});

test("bars in groups, with the lengths of their intervals", () => {
  const figure = bars({
    title: "t",
    categories: ["a", "b"],
    series: [
      { name: "ROUGE-L", values: [0.5, null], intervals: [[0.4, 0.75], null] },
      { name: "coverage", values: [0.25, 1] },
    ],
    x: { title: "variant" },
    y: { title: "score" },
  });
  assert.deepEqual(trace(figure)["y"], [0.5, null]);
  const error = trace(figure)["error_y"] as { array: number[]; arrayminus: number[] };
  assert.deepEqual(
    [error.array, error.arrayminus.map((low) => low.toFixed(6))],
    [
      [0.25, 0],
      ["0.100000", "0.000000"],
    ],
  );
  assert.equal(figure.layout.barmode, "group");
  assert.equal(figure.layout.showlegend, true);
});

test("horizontal bars swap the axes", () => {
  const options = {
    categories: ["10", "20"],
    series: [{ name: "n", values: [1, 2] }],
    x: { title: "k" },
    y: { title: "n" },
  };
  const figure = bars({ title: "t", ...options, horizontal: true, format: String });
  assert.deepEqual(
    [trace(figure)["x"], trace(figure)["y"]],
    [
      [1, 2],
      ["10", "20"],
    ],
  );
  assert.equal(figure.layout.yaxis!.type, "category");
  assert.equal((figure.layout.xaxis!.title as { text: string }).text, "n");
});

test("a box holds the quartiles and the 5th and 95th percentile", () => {
  const figure = boxes({ title: "t", groups: { a: Array.from({ length: 101 }, (_, i) => i) }, ...axes });
  const { lowerfence, q1, median, q3, upperfence } = trace(figure) as Record<string, number[]>;
  assert.deepEqual([q1, median, q3], [[25], [50], [75]]);
  assert.deepEqual([lowerfence, upperfence], [[5], [95]]);
});

test("lines come with their band, heatmaps with their gaps, axes with their units", () => {
  const band = lines({
    title: "t",
    series: [{ name: "a", x: [1, 2], y: [3, 4], low: [2, 3], high: [4, 5] }],
    ...axes,
  });
  assert.deepEqual(
    [trace(band)["x"], trace(band)["y"]],
    [
      [1, 2, 2, 1],
      [4, 5, 3, 2],
    ],
  );
  assert.equal((band.layout.xaxis!.title as { text: string }).text, "length (tokens)");
  const grid = { columns: ["k=3", "k=4"], rows: ["96"], values: [[0.5, null]], z: { title: "ROUGE-L" } };
  const map = heatmap({ title: "t", ...grid, ...axes, format: (value) => value.toFixed(1) });
  assert.deepEqual([trace(map)["z"], trace(map)["text"]], [[[0.5, null]], [["0.5", ""]]]);
});

test("interval panels have a row for each category and keep those of one name apart", () => {
  const values = [{ value: 2, low: 1, high: 4 }, null, { value: 5, low: 5, high: 5 }];
  const figure = intervalPanels({
    title: "t",
    categories: ["same", "same", "c"],
    groups: ["one", "one", "two"],
    panels: [
      { title: "ROUGE-L", values },
      { title: "BLEU", values, range: [0, 9] },
      { title: "difference", values, zero: true },
    ],
  });
  assert.equal(figure.data.length, 6);
  assert.deepEqual([trace(figure)["x"], trace(figure)["y"]], [[2], [0]]);
  assert.deepEqual([trace(figure, 1)["x"], trace(figure, 1)["y"]], [[5], [2]]);
  const error = trace(figure)["error_x"] as { array: number[]; arrayminus: number[] };
  assert.deepEqual([error.array, error.arrayminus], [[2], [1]]);
  const { yaxis, xaxis2 } = figure.layout as Record<string, { ticktext?: string[]; range?: number[] }>;
  assert.deepEqual(
    [yaxis!.ticktext, xaxis2!.range],
    [
      ["same", "same", "c"],
      [0, 9],
    ],
  );
  const { xaxis, xaxis3 } = figure.layout as Record<string, { zeroline?: boolean }>;
  assert.deepEqual([xaxis!.zeroline, xaxis3!.zeroline], [false, true]);
  const more = intervalPanels({
    title: "t",
    categories: ["a"],
    groups: ["g"],
    panels: [{ title: "x", values }],
  });
  assert.ok(figure.layout.height! > more.layout.height!);
});

test("no text becomes markup", () => {
  // https://www.w3.org/TR/xml/#NT-Char
  const xmlCharacter = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]$/u;
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = plain(text).replaceAll("<br>", "\n");
      assert.doesNotMatch(escaped, /[<>$]|&(?!#\d+;)/);
      const back = escaped.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
      const drawable = Array.from(text.replace(/\r\n?/g, "\n"), (character) =>
        xmlCharacter.test(character) ? character : "\ufffd",
      );
      assert.equal(back, drawable.join(""));
    }),
  );
});

test("every text of every figure is escaped", () => {
  const evil = '<a href="https://example.org">x</a> $y$';
  const axis = { title: evil, unit: evil };
  const common = { title: evil, caption: evil, x: axis, y: axis, references: [{ value: 1, label: evil }] };
  const point = { name: evil, x: [1], y: [1], names: [evil] };
  const figures = [
    histogram({ ...common, series: { [evil]: [1], b: [2] }, counted: evil }),
    ecdf({ ...common, series: { [evil]: [1], b: [2] }, counted: evil }),
    bars({ ...common, categories: [evil], series: [{ name: evil, values: [1] }], format: () => evil }),
    intervalPanels({
      ...common,
      categories: [evil],
      groups: [evil],
      panels: [{ title: evil, values: [{ value: 1, low: 0, high: 2 }] }],
    }),
    scatter({ ...common, series: [point], showNames: true }),
    lines({ ...common, series: [point] }),
    heatmap({ ...common, columns: [evil], rows: [evil], values: [[1]], z: axis, format: () => evil }),
    boxes({ ...common, groups: { [evil]: [1, 2] } }),
  ];
  for (const figure of figures) assert.doesNotMatch(JSON.stringify(figure), /<a |\$y\$/);
});

test("text is wrapped between words and nothing of it is lost", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,9}$/)),
      fc.integer({ min: 1, max: 30 }),
      (words, width) => {
        const wrapped = wrap(words.join(" "), width);
        assert.equal(wrapped.join(" "), words.join(" "));
        for (const line of wrapped) assert.ok(line.length <= width || !line.includes(" "));
      },
    ),
  );
});

test("ticks tell small shares and small numbers apart, and write large ones out", async (t) => {
  const browser = await renderFigure({ data: [], layout: {} }).then(
    () => true,
    (error: Error) => t.skip(error.message),
  );
  if (browser !== true) return;
  const ticks = async (y: number[], axis: object) => {
    const series = [{ name: "a", x: y.map((_, i) => i + 2), y }];
    const { svg } = await renderFigure(
      lines({ title: "t", series, x: { title: "x" }, y: { title: "y", ...axis } }),
    );
    return [...svg.matchAll(/class="ytick"><text[^>]*>([^<]*)</g)].map(([, text]) => text);
  };
  const shares = await ticks([0, 0.004, 0.008], { percent: true });
  assert.ok(shares.length > 3 && shares.includes("0.4%"), shares.join(" "));
  assert.equal(new Set(shares).size, shares.length, shares.join(" "));
  assert.ok((await ticks([0, 1], { percent: true })).includes("100%"));
  const small = await ticks([0, 0.00003], {});
  assert.ok(small.includes("0.00001"), small.join(" "));
  const large = await ticks([0, 20_000], {});
  assert.ok(large.includes("10,000"), large.join(" "));
});

test("many points are small and translucent, so that none hides another", () => {
  const marks = (count: number) => {
    const x = Array.from({ length: count }, (_, i) => i);
    const { marker } = trace(scatter({ title: "t", ...axes, series: [{ name: "a", x, y: x }] })) as {
      marker: { color: string; size: number };
    };
    return [marker.size, marker.color.endsWith(", 0.35)")];
  };
  assert.deepEqual(marks(192), [5, true]);
  assert.deepEqual(marks(24), [10, false]);
});
