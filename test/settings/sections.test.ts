import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { answeringSections } from "../../src/experiments/methods/answering";
import { methods } from "../../src/experiments/methods/methods";
import { experimentSections } from "../../src/experiments/settings";
import * as sections from "../../src/settings/sections";
import { changeRetrieval } from "../../src/settings/sections/input";
import { defaultsOf, settingsIn } from "../../src/settings/section";
import { parameterRanges } from "../../src/settings/notebook";
import type { Setting } from "../../src/settings/setting";

/** What is set together: sections that no study has together may each have a setting of one name. */
const studies = [experimentSections, answeringSections, ...methods.map((method) => method.sections)].map(
  (own) => Object.entries(settingsIn(own) as Record<string, Setting>),
);

test("every file of a section is among the sections", () => {
  const files = readdirSync(join(__dirname, "../../src/settings/sections"));
  assert.deepEqual(
    files,
    Object.keys(sections).map((name) => `${name}.ts`),
  );
});

test("every setting has a label of its own, one sentence of meaning, and defaults of its type", () => {
  for (const declared of studies) {
    const labels = declared.map(([, { label }]) => label);
    assert.deepEqual([...new Set(labels)], labels);
    const parameters = declared.flatMap(([, { notebook }]) => notebook ?? []);
    assert.deepEqual([...new Set(parameters)], parameters);
    for (const [name, { meaning, type, default: full, quick }] of declared) {
      assert.match(meaning, /^\p{L}.*[^.]\.$/u, name);
      for (const value of [full, quick ?? full]) assert.equal(type.parse(value), value, name);
    }
  }
});

test("every section is part of a study", () => {
  const used = new Set<unknown>(
    [experimentSections, answeringSections, ...methods.map((method) => method.sections)].flat(),
  );
  for (const [name, section] of Object.entries(sections)) assert.ok(used.has(section), name);
});

test("a notebook's numbers have the range of the settings that they give", () => {
  assert.deepEqual(parameterRanges["SEED"], { whole: true, least: -Infinity });
  assert.deepEqual(parameterRanges["LEARNING_RATE"], { whole: false, least: 0, most: 1 });
  assert.deepEqual(parameterRanges["UNFREEZE"], { whole: true, least: 0 });
  assert.deepEqual(parameterRanges["K"], { whole: true, least: 1 });
  assert.equal(parameterRanges["MAX_SEPTS"], undefined);
});

test("retriever and number of snippets become none together", () => {
  const before = defaultsOf(sections.input.settings, "quick");
  assert.deepEqual(changeRetrieval(before, { k: 2 }), { k: 2, retriever: "tfidf" });
  assert.deepEqual(changeRetrieval({ k: 2, retriever: "bm25" }, { k: 0 }), { k: 0, retriever: "none" });
  assert.deepEqual(changeRetrieval(before, { k: 4, retriever: "random" }), { k: 4, retriever: "random" });
});
