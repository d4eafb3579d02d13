import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { effectRows, seededRows } from "../../src/analysis/effects";
import { evaluateVariants, type Variant } from "../../src/evaluation/evaluate";
import { assumedIdentity } from "../../src/evaluation/identity";
import {
  defaultExperiment,
  type ExperimentSettings,
  settingsOf,
  trainingSettings,
} from "../../src/experiments/settings";
import { readJson, writeJson } from "../../src/io/files";
import { Sources } from "../../src/paper/sources";
import { computeValues } from "../../src/report/computed";
import { effectMetrics, findContrasts, groupFamilies, measureEffects } from "../../src/report/effects";
import { findOutputs } from "../../src/report/found";
import { selectVariants } from "../../src/report/selection";
import { conversations, fakeModel, writeEvaluations } from "./synthetic";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "report-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

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
    fakeModel("LoRA, seed 13", 0.3, {}, "LoRA"),
    fakeModel("LoRA, seed 14", 0.4, { seed: 14 }, "LoRA"),
    fakeModel("unfrozen, seed 13", 0.8, { unfrozenEncoderBlocks: 4 }, "unfrozen"),
    fakeModel("unfrozen, seed 14", 0.9, { unfrozenEncoderBlocks: 4, seed: 14 }, "unfrozen"),
    fakeModel("snippets", 0.4, { retriever: "bm25", k: 3, seed: 14 }),
    fakeModel("random snippets", 0.4, { retriever: "random", k: 3, seed: 14 }),
    fakeModel("longer", 0.5, { maxNewTokens: 48 }),
    fakeModel("best of 8, seed 13", 0.6, { candidates: 8, doSample: true, temperature: 0.3 }, "best of 8"),
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

/** Another value for each setting that decides a training; a new setting has to have one here. */
const otherTraining = {
  nTrain: 7,
  nValidation: 3,
  maxSteps: 11,
  batchSize: 3,
  gradientAccumulation: 5,
  learningRate: 0.5,
  warmupSteps: 6,
  schedule: "constant",
  personaWeight: 9,
  labelSmoothing: 0.25,
  evalSteps: 4,
  loadBestModelAtEnd: true,
  frozenWeights: "int8",
  rank: 3,
  alpha: 5,
  loraDropout: 0.5,
  trainHead: false,
  targetStart: "persona",
  unfrozenEncoderBlocks: 1,
  unfrozenDecoderBlocks: 1,
} satisfies Partial<ExperimentSettings>;

test("a model is compared with its base, whatever setting of its training is another one", async (t) => {
  const outputs = temporaryFolder(t);
  const settings = defaultExperiment("quick");
  const asked = Object.keys(otherTraining);
  assert.deepEqual([...settingsOf("training", "unfreezing")].sort(), [...asked].sort());
  const model = (name: string, changes: object, adapter: string | null): Variant => {
    const own = { ...settings, ...changes, base: "data/model", adapter };
    const identity = {
      ...assumedIdentity(name, own),
      trained:
        adapter === null
          ? null
          : ({ ...trainingSettings({ ...settings, ...changes }) } as Variant["settings"]),
    };
    return { ...fakeModel(name, adapter === null ? 0.2 : 0.5), settings: own, identity };
  };
  const models = Object.entries(otherTraining).map(([name, value]) =>
    model(name, { [name]: value }, `runs/${name}`),
  );
  const last = [model("beams", { numBeams: 3 }, "runs/x"), model("longer", { maxNewTokens: 200 }, "runs/y")];
  await evaluateVariants([model("base", {}, null), ...models, ...last], conversations, {
    directory: outputs,
    resamples: 5,
  });
  const found = findContrasts(findOutputs(new Sources(outputs)).variants);
  const trainings = found.filter(({ kind }) => kind === "training");
  assert.deepEqual(trainings.map(({ a }) => a[0]!.name).sort(), [...asked].sort());
  for (const { b } of trainings) assert.equal(b[0]!.name, "base");
});

/** Two kinds of runs of a grid with the axis seed, evaluated run by run. */
async function seededGrid(outputs: string): Promise<void> {
  for (const [k, seed, quality] of [
    [0, 13, 0.3],
    [0, 14, 0.5],
    [3, 13, 0.6],
    [3, 14, 0.7],
  ] as const) {
    const id = `k_${k}-seed_${seed}`;
    const changes = { seed, k, retriever: k === 0 ? "none" : "tfidf" };
    await evaluateVariants([fakeModel(id, quality, changes, `k_${k}`)], conversations, {
      directory: outputs,
      runId: id,
      resamples: 300,
    });
  }
  const base = fakeModel("base", 0.2, { adapter: null });
  await evaluateVariants([base], conversations, { directory: outputs, resamples: 300 });
}

test("seeds of a grid's axis are averaged, with the intervals that a notebook shows", async (t) => {
  const outputs = temporaryFolder(t);
  await seededGrid(outputs);
  const sources = new Sources(outputs);
  const found = findOutputs(sources);
  const families = groupFamilies(found.variants);
  assert.deepEqual(
    families.map(({ name, members }) => [name, members.map(({ identity }) => identity.seed)]),
    [
      ["base", [null]],
      ["run k_0", [13, 14]],
      ["run k_3", [13, 14]],
    ],
  );
  const [base, plain, snippets] = families.map(({ name, members }) => ({ name, bySeed: members }));
  const computed = await computeValues(found, sources, selectVariants(found.variants), [], [], 13);
  assert.deepEqual(
    [...new Set(computed.effects.map(({ kind, a, b }) => `${kind}: ${a.length} − ${b.length}`))],
    ["training: 2 − 1", "retrieval: 2 − 2"],
  );
  for (const [kind, pairs] of [
    [
      "training",
      [
        [plain!, base!],
        [snippets!, base!],
      ],
    ],
    ["retrieval", [[snippets!, plain!]]],
  ] as const) {
    const rows = effectRows(pairs, effectMetrics, { seed: 13, resamples: 300 });
    const same = ({ low, high, difference, pValue }: Record<"low" | "high" | "difference" | "pValue", number>) =>
      [difference, low, high, pValue]; // prettier-ignore
    assert.deepEqual(computed.effects.filter((effect) => effect.kind === kind).map(same), rows.map(same));
    assert.deepEqual(
      computed.effects.filter((effect) => effect.kind === kind).map(({ adjusted }) => adjusted),
      rows.map(({ adjustedPValue }) => adjustedPValue),
    );
  }
  const { value, low, high } = computed.families[0]!.metrics.rougeL as Record<
    "value" | "low" | "high",
    number
  >;
  const [row] = seededRows([plain!], ["rougeL"], { seed: 13, resamples: 300 });
  assert.equal(row!["rougeL"], `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`);
});

test("what a variant is called says nothing about what it is", async (t) => {
  const outputs = temporaryFolder(t);
  const names = ["random, seed 13", "reference", "LoRA, seed 14", "LoRA, seed 15"];
  const settings: Parameters<typeof fakeModel>[2][] = [
    {},
    { rank: 8 },
    { rank: 8, seed: 15 },
    { rank: 9, seed: 14 },
  ];
  await evaluateVariants(
    names.map((name, i) => fakeModel(name, 0.3 + i / 10, settings[i])),
    conversations,
    { directory: outputs, resamples: 5 },
  );
  const { variants, problems } = findOutputs(new Sources(outputs));
  assert.deepEqual(problems, []);
  assert.ok(variants.every(({ kind }) => kind === "model"));
  assert.deepEqual(
    groupFamilies(variants).map(({ members }) => members.map(({ name }) => name)),
    [["random, seed 13"], ["reference", "LoRA, seed 14"], ["LoRA, seed 15"]],
  );
});

test("rows of an older version, which do not say what they are, are read and it is said how", async (t) => {
  const outputs = temporaryFolder(t);
  await writeEvaluations(outputs);
  const path = join(outputs, "stage3_summary.json");
  const summary = readJson(path) as { variants: { identity?: unknown }[] };
  for (const row of summary.variants) delete row.identity;
  writeJson(path, summary);
  const { variants, problems } = findOutputs(new Sources(outputs));
  assert.equal(problems.length, 1);
  assert.match(
    problems[0]!,
    /^stage3_summary\.json: an older version wrote 10 of its rows.*evaluate them again/,
  );
  assert.deepEqual(
    variants.map(({ kind }) => kind),
    [...Array.from({ length: 5 }, () => "baseline"), "base", ...Array.from({ length: 6 }, () => "model")],
  );
  assert.ok(variants.some(({ name, kind }) => name === "random" && kind === "baseline"));
});
