import assert from "node:assert/strict";
import { test } from "node:test";
import { linePanels } from "../../src/figures/panels";

test("each panel has its axes, its title and its lines; the legend names each series once", () => {
  const series = ["a", "b"].map((name) => ({ name, x: [1, 2], y: [3, 4], low: [2, 3], high: [4, 5] }));
  const panels = ["one", "two", "three", "<four>"].map((title) => ({ title, series }));
  const { data, layout } = linePanels({ title: "t", panels, columns: 3, x: { title: "words", log: true } });
  const axes = layout as Record<string, { domain?: number[] } | undefined>;
  assert.equal(data.length, 4 * 4);
  const inLegend = data.filter((trace) => (trace as { showlegend?: boolean }).showlegend !== false);
  assert.deepEqual(
    inLegend.map((trace) => (trace as { name?: string }).name),
    ["a", "b"],
  );
  assert.deepEqual(
    layout.annotations!.map(({ text }) => text),
    ["<b>one</b>", "<b>two</b>", "<b>three</b>", "<b>&#60;four&#62;</b>"],
  );
  const domains = ["", "2", "3", "4"].map((n) => [axes[`xaxis${n}`]!.domain!, axes[`yaxis${n}`]!.domain!]);
  assert.ok(domains[0]![0]![1]! < domains[1]![0]![0]!, "side by side");
  assert.ok(domains[3]![1]![1]! < domains[0]![1]![0]!, "the fourth below the first");
  for (const [x, y] of domains) for (const end of [...x!, ...y!]) assert.ok(end >= -1e-9 && end <= 1 + 1e-9);
});

test("panels in many rows keep their height and do not overlap", () => {
  const series = [{ name: "a", x: [1, 2], y: [3, 4] }];
  const panels = Array.from({ length: 24 }, (_, i) => ({ title: String(i), series }));
  const { layout } = linePanels({ title: "t", panels, columns: 2, x: { title: "step" } });
  const axes = layout as Record<string, { domain: [number, number] } | undefined>;
  const domains = panels.map((_, i) => axes[`yaxis${i === 0 ? "" : i + 1}`]!.domain);
  for (const [i, [bottom, top]] of domains.entries()) {
    assert.ok(top - bottom > 0.5 / 12 && bottom >= -1e-9, `panel ${i} from ${bottom} to ${top}`);
    if (i >= 2) assert.ok(top < domains[i - 2]![0], `panel ${i} is below the one above it`);
  }
});

test("a panel without values has no ticks and says so; the others are as ever", () => {
  const x = { title: "step" };
  const panels = [
    { title: "full", series: [{ name: "a", x: [1, 2], y: [3, 4] }] },
    { title: "empty", series: [{ name: "a", x: [], y: [] }] },
    { title: "gaps", series: [{ name: "a", x: [1, 2], y: [null, null] }] },
  ];
  const { layout } = linePanels({ title: "t", panels, x });
  const axes = layout as Record<string, { showticklabels?: boolean; ticks?: string } | undefined>;
  const bare = ["", "2", "3"].map((n) =>
    [axes[`xaxis${n}`]!, axes[`yaxis${n}`]!].map(({ showticklabels, ticks }) => [showticklabels, ticks]),
  );
  const [full, ...others] = bare;
  assert.deepEqual(full, [
    [undefined, "outside"],
    [undefined, "outside"],
  ]);
  for (const other of others) {
    assert.deepEqual(other, [
      [false, ""],
      [false, ""],
    ]);
  }
  const texts = layout.annotations!.map(({ text }) => text);
  assert.equal(texts.filter((text) => text === "no values").length, 2);
});
