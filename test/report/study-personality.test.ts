import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeJson } from "../../src/io/files";
import { Sources } from "../../src/paper/sources";
import { personalityStudy } from "../../src/report/study-personality";
import { studies } from "../../src/report/studies";

const outputs = mkdtempSync(join(tmpdir(), "personality-report-"));
after(() => rmSync(outputs, { recursive: true }));

/** All that a document prints, values as they are printed. */
const printed = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Array.isArray(value)
      ? value.map(printed).join(" ")
      : typeof value === "object" && value !== null
        ? Object.entries(value)
            .flatMap(([key, inner]) =>
              ["source", "works", "picture", "type"].includes(key) ? [] : [printed(inner)],
            )
            .join(" ")
        : "";

test("the study of personality is one of the studies, and says that nothing has run where nothing has", async () => {
  assert.ok(studies.includes(personalityStudy));
  const document = await personalityStudy.compose(new Sources(outputs));
  assert.match(printed(document.abstract), /The notebook has not run/);
});

test("what its abstract says of traits follows from the saved verdicts", async () => {
  const effect = (trait: string, verdict: string, measure = "trait") => ({
    way: "PT, label",
    trait,
    measure,
    difference: 0.5,
    "difference low": 0.1,
    "difference high": 0.9,
    "effect size": 0.4,
    adjustedPValue: 0.01,
    verdict,
  });
  const path = join(outputs, "09-personality/tables/effects.json");
  writeJson(path, [
    effect("openness", "not shown"),
    effect("extraversion", "higher"),
    effect("neuroticism", "higher", "words"),
  ]);
  const shown = printed((await personalityStudy.compose(new Sources(outputs))).abstract);
  assert.match(shown, /Shown to move their own scorers\s*: \s*extraversion\s*\(\s*PT, label\s*\)/);
  assert.doesNotMatch(shown, /openness|neuroticism/);
  writeJson(path, [effect("openness", "not shown")]);
  assert.match(
    printed((await personalityStudy.compose(new Sources(outputs))).abstract),
    /none is shown to move its own scorer/,
  );
});
