import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { evaluateVariants } from "../../src/evaluation/evaluate";
import { declaredSettings, defaultExperiment, experimentSections } from "../../src/experiments/settings";
import { settings as settingsOf } from "../../src/report/content/method";
import type { ReportContext } from "../../src/report/context";
import { plainText } from "../../src/paper/document";
import { findOutputs } from "../../src/report/found";
import { Sources } from "../../src/paper/sources";
import { conversations, fakeModel } from "./synthetic";
import type { Setting } from "../../src/settings/setting";

test("the report lists every setting of the trained models, section by section, with all its values", async (t) => {
  const outputs = mkdtempSync(join(tmpdir(), "report-settings-"));
  t.after(() => rmSync(outputs, { recursive: true }));
  await evaluateVariants(
    [
      fakeModel("one", 0.5, defaultExperiment("quick")),
      fakeModel(
        "other",
        0.6,
        defaultExperiment("quick", { k: 3, seed: 14, numBeams: 4, lengthPenalty: 0.5 }),
      ),
    ],
    conversations,
    { directory: outputs, resamples: 20 },
  );
  const sources = new Sources(outputs);
  const context = { sources, found: findOutputs(sources) } as ReportContext;
  const table = settingsOf(context).find((block) => block.type === "table" && block.label === "tab:settings");
  assert.ok(table?.type === "table");
  const [base, ...groups] = table.groups.map((rows) => rows.map((row) => row.map((cell) => plainText(cell))));
  assert.deepEqual(base, [["base model", "data/model"]]);
  assert.deepEqual(
    groups.map((rows) => rows.map(([name]) => name)),
    experimentSections.map(({ settings }) => Object.values<Setting>(settings).map(({ label }) => label)),
  );
  const shown = new Map(groups.flat().map(([name, values]) => [name, values]));
  const printed = (name: keyof typeof declaredSettings) => shown.get(declaredSettings[name].label);
  assert.deepEqual(
    (
      [
        "seed",
        "learningRate",
        "k",
        "retriever",
        "lengthPenalty",
        "loadBestModelAtEnd",
        "frozenWeights",
      ] as const
    ).map(printed),
    ["13 and 14", "0.001", "0 and 3", "none and tfidf", "0.5 and 1", "false", "int8"],
  );
});
