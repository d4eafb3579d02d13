import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { closeBrowser } from "../../src/figures/page";
import { writeJson } from "../../src/io/files";
import { checkTrace } from "../../src/paper/trace";
import { alignmentStudy } from "../../src/report/study-alignment";
import { writeStudyReport } from "../../src/report/studies";

const outputs = mkdtempSync(join(tmpdir(), "alignment-report-"));
after(async () => {
  await closeBrowser();
  rmSync(outputs, { recursive: true });
});
const { notebook } = alignmentStudy;
const write = (name: string, rows: readonly object[]) =>
  writeJson(join(outputs, notebook, `${name}.json`), rows);
const step = (name: string, verdict: string) => ({
  "a − b": name,
  ...{
    metric: "perplexity",
    difference: -1.25,
    low: -2,
    high: -0.5,
    pValue: 0.001,
    adjustedPValue: 0.004,
    verdict,
  },
});

test("the report names the differences that are shown, with their intervals, and no others", async () => {
  write("labels", [
    {
      way: "TF-IDF",
      rows: 200,
      accuracy: 0.88,
      "accuracy low": 0.83,
      "accuracy high": 0.92,
      kappa: 0.84,
      "kappa low": 0.78,
      "kappa high": 0.89,
    },
  ]);
  write("differences", [step("mixture − SFT", "no difference shown"), step("SFT − base", "a is lower")]);
  const paper = await writeStudyReport({ outputs, notebook });
  assert.deepEqual(checkTrace(join(outputs, `report-${notebook}`, "numbers.json"), outputs), []);
  const kappa = paper.trace.values.filter(({ pointer }) => pointer.startsWith("/0/kappa"));
  assert.deepEqual(
    kappa.map(({ printed }) => printed),
    ["0.84", "0.78", "0.89"],
  );
  const results = paper.trace.values.filter(({ where }) => where === "Results");
  assert.deepEqual(
    results.map(({ printed, pointer }) => [printed, pointer]),
    [
      ["SFT − base", "/1/a − b"],
      ["perplexity", "/1/metric"],
      ["−1.250", "/1/difference"],
      ["−2.000", "/1/low"],
      ["−0.500", "/1/high"],
    ],
  );
  assert.ok(paper.trace.missing.some(({ reason }) => reason.includes("cscore.json")));
  assert.ok(paper.pages.length <= 4);
});
