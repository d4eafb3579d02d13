import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startLiveFigure } from "../../src/figures/live";
import { closeBrowser } from "../../src/figures/page";
import { lines } from "../../src/figures/points";
import { renderFigure } from "../../src/figures/render";
import type { Figure } from "../../src/figures/types";
import { captureAsync } from "../notebook/capture";

const folder = mkdtempSync(join(tmpdir(), "live-"));
test.after(async () => {
  await closeBrowser();
  rmSync(folder, { recursive: true, force: true });
});

const curve = (y: number[]): Figure =>
  lines({
    title: `${y.length} points`,
    series: [{ name: "a", x: y, y }],
    x: { title: "x" },
    y: { title: "y" },
  });

test("drawings replace one another in one place, at most one a second, and the last is whole and saved", async (t) => {
  const problem = await renderFigure(curve([1])).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (problem) return t.skip(problem);
  let made = 0;
  const shown = await captureAsync(async () => {
    const live = startLiveFigure();
    for (let i = 0; i < 100; i++) {
      live.update(() => curve(Array.from({ length: ++made }, (_, x) => x)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await live.finish(curve([1, 2, 3]), join(folder, "curve"));
  });
  assert.equal(made, 1, "half a second has time for one drawing");
  assert.deepEqual(
    shown.map(({ update }) => update),
    [false, true, true, false],
  );
  const [begun, drawn, last, script] = shown;
  assert.equal(drawn!.transient.display_id, begun!.transient.display_id);
  assert.equal(last!.transient.display_id, begun!.transient.display_id);
  for (const { metadata } of [drawn!, last!]) {
    const { width, height } = metadata["image/png"] as { width: number; height: number };
    assert.deepEqual([width, height], [760, 460], "every state is shown in the same size");
  }
  assert.equal(drawn!.data["text/plain"], "[figure: 1 points]");
  assert.deepEqual(
    Buffer.from(drawn!.data["image/png"] as string, "base64").subarray(1, 4),
    Buffer.from("PNG"),
  );
  assert.equal(last!.data["text/plain"], "[figure: 3 points]");
  assert.ok(last!.data["image/png"] && last!.data["application/vnd.plotly.v1+json"]);
  assert.ok(script!.data["application/javascript"]);
  assert.deepEqual(readdirSync(folder).sort(), ["curve.json", "curve.pdf", "curve.png", "curve.svg"]);
});

test("a drawing that fails is left out, and the work goes on", async (t) => {
  const problem = await renderFigure(curve([1])).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (problem) return t.skip(problem);
  const shown = await captureAsync(async () => {
    const live = startLiveFigure();
    live.update(() => ({ data: [], layout: { width: 0 } }));
    await live.finish(curve([1, 2]));
  });
  assert.deepEqual(
    shown.map(({ data }) => data["text/plain"]).filter(Boolean),
    ["[figure: 2 points]"],
    "the last drawing is there",
  );
});

test("outside a notebook nothing is drawn", async () => {
  const live = startLiveFigure();
  live.update(() => assert.fail("made for nobody"));
});
