import assert from "node:assert/strict";
import { test } from "node:test";
import { matrices } from "../../src/figures/matrices";

test("matrices stand side by side in one scale of colours around 0, each with its title", () => {
  const { data, layout } = matrices({
    title: "t",
    matrices: [
      {
        title: "W <b>",
        values: [
          [1, -4],
          [0, 2],
        ],
      },
      { title: "B·A", sign: "+", values: [[0.5, 0.5]] },
    ],
    z: { title: "weight" },
    format: (value) => value.toFixed(1),
  });
  const traces = data as unknown as { zmin: number; zmax: number; showscale: boolean; text: string[][] }[];
  assert.deepEqual(
    traces.map(({ zmin, zmax, showscale }) => [zmin, zmax, showscale]),
    [
      [-4, 4, false],
      [-4, 4, true],
    ],
  );
  assert.deepEqual(traces[0]!.text, [
    ["1.0", "-4.0"],
    ["0.0", "2.0"],
  ]);
  assert.deepEqual(
    layout.annotations!.map(({ text }) => text),
    ["W &#60;b&#62;", "B·A", "+"],
  );
  const axes = layout as Record<string, { domain?: number[]; range: number[] } | undefined>;
  assert.ok(axes["xaxis"]!.domain![1]! < axes["xaxis2"]!.domain![0]!);
  assert.deepEqual(axes["yaxis2"]!.range, [1, -1], "one row of two, in the middle");
});

test("a matrix that would pale beside the others has colours of its own, and its title says how far they go", () => {
  const { data, layout } = matrices({
    title: "t",
    matrices: [
      { title: "W", values: [[1, -4]] },
      { title: "s·B·A", sign: "+", values: [[0.0002, -0.00371]], ownColours: true },
      { title: "W + s·B·A", sign: "=", values: [[1.0002, -4.00371]] },
      { title: "0", values: [[0, 0]], ownColours: true },
    ],
    z: { title: "weight" },
  });
  const traces = data as unknown as { zmin: number; zmax: number; showscale: boolean }[];
  assert.deepEqual(
    traces.map(({ zmin, zmax, showscale }) => [zmin, zmax, showscale]),
    [
      [-4.00371, 4.00371, false],
      [-0.00371, 0.00371, false],
      [-4.00371, 4.00371, true],
      [-1, 1, false],
    ],
  );
  const texts = layout.annotations!.map(({ text }) => text);
  assert.ok(texts.includes("s·B·A<br>colours of its own: ±0.0037"), texts.join(" | "));
  assert.ok(texts.includes("W + s·B·A"));
});
