import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { evaluateVariants, type Variant } from "../../src";
import { findContrasts, measureEffects } from "../../src/report/effects";
import { formats } from "../../src/report/format";
import { findOutputs } from "../../src/report/found";
import { followPointer, Sources, toPointer } from "../../src/report/sources";
import { conversations, fakeModel, writeEvaluations } from "./synthetic";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "report-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a JSON Pointer leads back to the value, whatever the keys are", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom("/", "~", "~1", "__proto__")), { maxLength: 5 }),
      (keys) => {
        const json = keys.reduceRight<unknown>((value, key) => Object.fromEntries([[key, value]]), 42);
        assert.equal(followPointer(json, toPointer(keys)), 42);
        assert.equal(followPointer(json, `${toPointer(keys)}/x`), undefined);
      },
    ),
  );
  // The examples of RFC 6901, section 5.
  const example = { foo: ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8 };
  assert.deepEqual(
    ["/foo/0", "/", "/a~1b", "/m~0n", "/foo/2", "/toString"].map((pointer) =>
      followPointer(example, pointer),
    ),
    ["bar", 0, 1, 8, undefined, undefined],
  );
});

test("values are printed by their format, and refused where they are no numbers", () => {
  assert.equal(formats.decimal3(-0.12345), "−0.123");
  assert.equal(formats.decimal3(-0.0001), "0.000");
  assert.equal(formats.signed3(0.5), "+0.500");
  assert.equal(formats.integer(12345), "12,345");
  assert.equal(formats.percent(0.95), "95 %");
  assert.equal(formats.pValue(0.0001), "< 0.001");
  assert.equal(formats.pValue(0.05), "0.050");
  assert.equal(formats.text([1, "a"]), "1, a");
  assert.equal(formats.day("2026-01-02T03:04:05Z"), "2026-01-02");
  assert.throws(() => formats.decimal3("0.5"), /"0.5" is not a number/);
});

test("a value that is not there is missing, with the reason", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "broken.json"), '{"a": 1');
  writeFileSync(join(folder, "good.json"), '{"a": {"b": 0.25}, "none": null}');
  const sources = new Sources(folder);
  const reason = (file: string, ...path: string[]) => {
    const value = sources.value(file, path, "decimal3");
    return "missing" in value ? value.missing : value.printed;
  };
  assert.equal(reason("good.json", "a", "b"), "0.250");
  assert.match(reason("good.json", "a", "c"), /good.json has nothing at \/a\/c/);
  assert.match(reason("good.json", "none"), /nothing at \/none/);
  assert.match(reason("none.json", "a"), /there is no none.json/);
  assert.match(reason("broken.json", "a"), /broken.json is not valid JSON/);
  assert.equal(sources.locate(folder, "good.json"), "good.json");
  assert.equal(sources.locate(folder, "..", "elsewhere.json"), undefined);
});

test("variants are found wherever summaries lie, by what they are", async (t) => {
  const outputs = temporaryFolder(t);
  await writeEvaluations(outputs);
  mkdirSync(join(outputs, "grid"));
  await evaluateVariants([fakeModel("other", 0.5, { seed: 14 })], conversations, {
    directory: join(outputs, "grid"),
    runId: "C",
    resamples: 20,
  });
  await evaluateVariants([fakeModel("fewer", 0.5)], conversations.slice(3), {
    directory: join(outputs, "grid"),
    resamples: 20,
  });
  writeFileSync(join(outputs, "stage3_summary_D.json"), "{}");
  writeFileSync(join(outputs, "stage3_cases_D.jsonl"), "");
  const found = findOutputs(new Sources(outputs));
  assert.deepEqual(
    found.variants.map(({ kind, name, run }) => [kind, name.slice(0, 14), run]),
    [
      ["bound", "random", null],
      ["bound", "reference", null],
      ["bound", "random, first ", null],
      ["baseline", "retrieval", null],
      ["baseline", "template", null],
      ["base", "base", null],
      ["model", "other", "C"],
      ["model", "LoRA", null],
      ["model", "LoRA, 2 blocks", null],
      ["model", "snippets <img ", null],
      ["model", "random snippet", null],
      ["model", "A: model", "A"],
      ["model", "B: model", "B"],
    ],
  );
  assert.deepEqual(
    found.others.map(({ name }) => name),
    ["fewer"],
  );
  assert.equal(found.problems.length, 1);
  assert.match(found.problems[0]!, /stage3_summary_D.json: not an evaluation file/);
});

test("contrasts pair variants that differ in one thing, and average over seeds", async (t) => {
  const outputs = temporaryFolder(t);
  const variants: Variant[] = [
    fakeModel("base", 0.1, { adapter: null }),
    fakeModel("LoRA, seed 13", 0.3),
    fakeModel("LoRA, seed 14", 0.4, { seed: 14 }),
    fakeModel("unfrozen, seed 13", 0.8, { unfrozenEncoderBlocks: 4 }),
    fakeModel("unfrozen, seed 14", 0.9, { unfrozenEncoderBlocks: 4, seed: 14 }),
    fakeModel("snippets", 0.4, { retriever: "bm25", k: 3, seed: 14 }),
    fakeModel("random snippets", 0.4, { retriever: "random", k: 3, seed: 14 }),
    fakeModel("longer", 0.5, { maxNewTokens: 48 }),
    fakeModel("best of 8, seed 13", 0.6, { candidates: 8, doSample: true, temperature: 0.3 }),
    fakeModel("best of 8, without training", 0.2, {
      candidates: 8,
      doSample: true,
      temperature: 0.3,
      adapter: null,
    }),
  ];
  await evaluateVariants(variants, conversations, { directory: outputs, resamples: 20 });
  const names = (side: readonly { family: string }[]) => side.map(({ family }) => family).join(" + ");
  const contrasts = findContrasts(findOutputs(new Sources(outputs)).variants);
  assert.deepEqual(
    contrasts.map(({ kind, a, b }) => `${kind}: ${names(a)} − ${names(b)}`),
    [
      "training: LoRA + LoRA − base",
      "training: unfrozen + unfrozen − base",
      "unfreezing: unfrozen + unfrozen − LoRA + LoRA",
      "training: snippets − base",
      "retrieval: snippets − LoRA",
      "content: snippets − random snippets",
      "training: random snippets − base",
      "retrieval: random snippets − LoRA",
      "length: longer − LoRA",
      "training: best of 8 − best of 8, without training",
      "choice: best of 8 − LoRA",
    ],
  );
  const effects = measureEffects(contrasts, 13);
  const effect = effects.find(({ kind, metric }) => kind === "unfreezing" && metric === "rougeL")!;
  // By hand, from the cases.
  const cases = findOutputs(new Sources(outputs)).variants;
  const mean = (name: string) => {
    const { cases: own } = cases.find((one) => one.name === name)!;
    return own.reduce((sum, { metrics }) => sum + metrics.rougeL, 0) / own.length;
  };
  const expected =
    (mean("unfrozen, seed 13") + mean("unfrozen, seed 14") - mean("LoRA, seed 13") - mean("LoRA, seed 14")) /
    2;
  assert.ok(Math.abs(effect.difference - expected) < 1e-12);
  assert.ok(effect.low < expected && expected < effect.high && effect.adjusted < 0.05);
  const none = effects.find(({ kind, metric }) => kind === "content" && metric === "rougeL")!;
  assert.deepEqual([none.difference, none.pValue, none.adjusted], [0, 1, 1]);
});
