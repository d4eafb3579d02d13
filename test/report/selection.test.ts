import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { referenceBaseline } from "../../src/baselines/baselines";
import { cutVariant } from "../../src/baselines/cut";
import { evaluateVariants, type Variant } from "../../src/evaluation/evaluate";
import { plainText } from "../../src/paper/document";
import { Sources } from "../../src/paper/sources";
import { computeValues } from "../../src/report/computed";
import { finding, findings } from "../../src/report/content/findings";
import { computedFile, type ReportContext } from "../../src/report/context";
import { findOutputs } from "../../src/report/found";
import {
  cutReference,
  plainModel,
  selectContrasts,
  selected,
  selectVariants,
} from "../../src/report/selection";
import { conversations, fakeModel, modelSettings } from "./synthetic";

async function contextOf(
  t: TestContext,
  variants: readonly Variant[],
  others: readonly Variant[] = [],
): Promise<ReportContext> {
  const outputs = mkdtempSync(join(tmpdir(), "report-selection-"));
  t.after(() => rmSync(outputs, { recursive: true }));
  await evaluateVariants(variants, conversations, { directory: outputs, resamples: 200 });
  if (others.length > 0)
    await evaluateVariants(others, conversations, { directory: outputs, runId: "rag", resamples: 200 });
  const sources = new Sources(outputs);
  const found = findOutputs(sources);
  const selection = selectVariants(found.variants);
  const computed = await computeValues(found, sources, selection, [], [], 13);
  sources.write(computedFile, computed);
  return { sources, found, selection, computed };
}

/** A model trained with another seed or form than it is asked with. */
function trained(name: string, quality: number, asked: object, training: object, family = name): Variant {
  const settings = { ...modelSettings(), ...asked };
  const variant = fakeModel(name, quality, settings, family);
  const { seed } = { ...settings, ...training };
  return { ...variant, identity: { ...variant.identity!, seed, trained: { ...settings, ...training } } };
}

const snippets = [1, 3, 5].flatMap((k) =>
  ["tfidf", "random"].map((retriever) => fakeModel(`${retriever} ${k}`, 0.5, { retriever, k })),
);

test("of many variants the report tells of a few: the middle number of snippets, seeds and twins as one", async (t) => {
  const { selection, found } = await contextOf(
    t,
    [
      referenceBaseline(),
      cutVariant(referenceBaseline(), 12),
      fakeModel("base", 0.2, { adapter: null }),
      fakeModel("LoRA of one notebook", 0.5, { adapter: "a" }),
      fakeModel("LoRA, 2 blocks", 0.5, { unfrozenEncoderBlocks: 2 }),
    ],
    [
      fakeModel("LoRA, seed 13", 0.5, { adapter: "b" }, "LoRA"),
      fakeModel("LoRA, seed 14", 0.5, { adapter: "c", seed: 14 }, "LoRA"),
      trained("mixed, asked without", 0.5, {}, { retriever: "mixed", k: 5 }),
      ...snippets,
    ],
  );
  const names = selected(selection).map(({ name }) => name);
  const models = ["LoRA, 2 blocks", "LoRA", "tfidf 3", "random 3"];
  assert.deepEqual(names, ["reference, first 12 words", "base", ...models]);
  assert.equal(plainModel(selection)!.members.length, 2);
  assert.equal(cutReference(selection)!.name, "reference, first 12 words");
  const compared = selectContrasts(found.variants, selection);
  assert.deepEqual(compared.map(({ kind, a }) => `${kind}: ${a[0]!.family}`).sort(), [
    "content: tfidf 3",
    "retrieval: random 3",
    "retrieval: tfidf 3",
    "training: LoRA",
    "training: LoRA, 2 blocks",
    "unfreezing: LoRA, 2 blocks",
  ]);
});

test("where no fact comes up, ownership is not said to be nothing", async (t) => {
  const silent: Variant = {
    ...fakeModel("base", 0, { adapter: null }),
    generate: (asked) => asked.map(() => ({ input: "", output: "User 1: Hello!" })),
  };
  const context = await contextOf(t, [silent, fakeModel("LoRA", 1)]);
  assert.match(
    plainText(findings(context)),
    /content coverage and no fact that comes up; fine-tuned .* \d\.\d{3} in ownership/,
  );
});

test("what was found is said in words, with numbers of files, and what no run left is missing", async (t) => {
  const context = await contextOf(t, [
    cutVariant(referenceBaseline(), 12),
    fakeModel("base", 0.1, { adapter: null }),
    fakeModel("LoRA", 0.8),
    fakeModel("LoRA, 2 blocks", 0.8, { unfrozenEncoderBlocks: 2 }),
  ]);
  const text = plainText(findings(context));
  const { metrics } = context.found.variants.find(({ name }) => name === "LoRA")!.summary;
  assert.ok(
    text.includes(`fine-tuned by adapters alone it has ${metrics.rougeL.value.toFixed(3)} in ROUGE-L`),
    text,
  );
  assert.match(text, /Beside the model that it started from, a fine-tuned model is higher in ROUGE-L/);
  assert.match(text, /unfrozen beside its adapters, it is not shown to differ in any of these scores\./);
  assert.match(text, /Nothing can be said of .*retrieved snippets and random ones: missing/);
  assert.deepEqual(finding(context, "content"), []);
  const none = await contextOf(t, [referenceBaseline()]);
  assert.match(plainText(findings(none)), /^Nothing can be said of fine-tuned models and their base, /);
});
