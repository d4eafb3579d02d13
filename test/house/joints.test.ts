import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { evaluateVariants } from "../../src/evaluation/evaluate";
import { learningCurves } from "../../src/experiments/live";
import { openExperiment, trainExperiment, untrainedExperiment } from "../../src/experiments/run";
import { experimentVariant } from "../../src/experiments/variant";
import { generate } from "../../src/generation/generate";
import { registerArchitecture } from "../../src/models/architectures";
import { DEFAULT_LORA } from "../../src/models/lora/config";
import { mergeAdapter } from "../../src/models/lora/weights";
import { loadPretrained } from "../../src/models/pretrained/pretrained";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer, padBatch } from "../../src/models/tokenizer/tokenizer";
import { checkTrace } from "../../src/paper/trace";
import { writePaper } from "../../src/paper/write";
import { recompute } from "../../src/report/recompute";
import { exampleBatches } from "../../src/training/example-batches";
import { DEFAULT_TRAINING } from "../../src/training/options";
import { loraPolicy } from "../../src/training/policies/lora";
import { train } from "../../src/training/trainer";
import { tinySettings } from "../experiments/tiny-experiment";
import { latexProblems } from "../paper/latex-check";
import { bigramArchitecture, bigrams, boldObjective } from "./toy";
import { composeToyStudy } from "./toy-study";

const directory = mkdtempSync(join(tmpdir(), "joints-"));
after(() => rmSync(directory, { recursive: true }));
before(async () => {
  await tf.setBackend("cpu");
  registerArchitecture(bigramArchitecture);
});

/** Counts upwards: 5 6 7 → 8 9 10. */
const counting = Array.from({ length: 20 }, (_, i) => {
  const from = 2 + i;
  return { inputIds: [from, from + 1, from + 2], labels: [from + 3, from + 4, from + 5] };
});

test("a new kind of model learns by a new objective, is saved, taken up again and generates", async () => {
  const model = bigrams({ vocabSize: 40, width: 16, padTokenId: 0, eosTokenId: 1 });
  const spec = () => ({
    policy: loraPolicy(model, {
      lora: {
        ...DEFAULT_LORA,
        rank: 4,
        alpha: 8,
        dropout: 0,
        targetModules: ["mix"],
        modulesToSave: ["lm_head"],
      },
      unfreezing: {},
      seed: 1,
      baseModel: null,
    }),
    objective: boldObjective(0.01),
    data: exampleBatches(counting, counting.slice(0, 4), {
      taskType: "CAUSAL_LM",
      padTokenId: 0,
      padToMultipleOf: 2,
    }),
  });
  const options = {
    ...DEFAULT_TRAINING,
    maxSteps: 60,
    batchSize: 10,
    learningRate: 0.05,
    warmupSteps: 0,
    evalSteps: 30,
  };
  const whole = spec();
  const { log } = await train(whole, { ...options, outputDirectory: join(directory, "whole") });
  assert.ok(log.at(-1)!.loss < 0.3 * log[0]!.loss, `${log[0]!.loss} to ${log.at(-1)!.loss}`);
  assert.ok(log.at(-1)!.metrics!["accuracy"]! > 0.9 && log.at(-1)!.evalMetrics!["accuracy"]! > 0.9);

  const drawn = learningCurves([{ name: "bigrams", log }], { title: "t" });
  const titles = drawn.layout.annotations!.map(({ text }) => text);
  for (const name of ["accuracy in training", "accuracy in validation", "entropy in training"])
    assert.ok(titles.includes(`<b>${name}</b>`), `the live figure has no ${name}`);

  const cut = spec();
  const controller = new AbortController();
  const outputDirectory = join(directory, "cut");
  await train(
    cut,
    { ...options, outputDirectory },
    {
      signal: controller.signal,
      onStep: ({ step }) => step === 25 && controller.abort(),
    },
  );
  const resumed = spec();
  const { step } = await train(resumed, { ...options, outputDirectory });
  assert.equal(step, 60);
  for (const [name, { data }] of whole.policy.trained)
    assert.deepEqual(resumed.policy.trained.get(name)!.data, data, name);

  const { config, parameters } = model;
  const merged = mergeAdapter(parameters, resumed.policy.adapter());
  const generator = await bigramArchitecture.createGenerator({ config, parameters: merged });
  const [answer] = await generate(generator, padBatch([[9, 10]], 0), { maxNewTokens: 3 });
  assert.deepEqual(answer!.tokens, [11, 12, 13]);
  const [beam] = await generate(generator, padBatch([[9, 10]], 0), { maxNewTokens: 3, numBeams: 2 });
  assert.deepEqual(beam!.tokens, [11, 12, 13]);
});

test("it goes through experiments, their evaluation and a report, from a directory, without a change to them", async (t) => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const config = {
    vocabSize: tokenizer.vocabularySize,
    width: 8,
    padTokenId: 0,
    eosTokenId: tokenizer.eosId,
  };
  const folder = join(directory, "model");
  writeModelDirectory(folder, bigrams(config), { tokenizerFrom: embeddedTokenizer });
  const base = await loadPretrained({ directory: folder });
  assert.equal(base.checkpoint.architecture, bigramArchitecture);

  const corpus = await loadCorpus({ directory: sampleDirectory });
  const context = { base, corpus, directory: join(directory, "runs"), saveSteps: 2 };
  const settings = tinySettings({ unfrozenEncoderBlocks: 0, learningRate: 0.3 });
  const trained = await trainExperiment(settings, context);
  assert.equal(trained.steps, 4);
  const opened = openExperiment(trained.adapter, { base, corpus });
  const untrained = untrainedExperiment(settings, { base, corpus });
  const outputs = join(directory, "evaluation");
  const [evaluated, before] = await evaluateVariants(
    [experimentVariant("bigrams", opened), experimentVariant("bigrams before", untrained)],
    corpus.splits.test.slice(0, 2),
    { directory: outputs },
  );
  assert.equal(evaluated!.cases.length, 2);
  assert.ok(Number.isFinite(evaluated!.summary.metrics.rougeL.value));

  // Its pages would take a browser; test/paper lays out pages.
  process.env["PERSONA_BROWSER"] = join(directory, "none");
  t.after(() => delete process.env["PERSONA_BROWSER"]);
  const { trace } = await writePaper({ outputs, name: "toy" }, composeToyStudy);
  const [now, then] = [evaluated!, before!].map(({ summary }) => summary.metrics.rougeL.value) as [
    number,
    number,
  ];
  const added = trace.values.find(({ pointer }) => pointer.endsWith("/difference"))!;
  assert.ok(Math.abs((added.value as number) - (now - then)) < 1e-12);
  assert.ok(now > then, `${then} to ${now}`);
  const scores = trace.values.filter(({ pointer }) => pointer.endsWith("/metrics/rougeL/value"));
  assert.deepEqual(
    scores.map((one) => [recompute(one, outputs)!.variant, recompute(one, outputs)!.value, one.printed]),
    [
      ["bigrams before", then, then.toFixed(3)],
      ["bigrams", now, now.toFixed(3)],
    ],
  );
  const written = (file: string) => readFileSync(join(outputs, "toy", file), "utf8");
  assert.match(
    written("toy.html"),
    new RegExp(`bigrams before</span></td><td[^>]*><span [^>]*>${then.toFixed(3)}<`),
  );
  assert.match(written("toy.html"), /C\. E\. Shannon, “A Mathematical Theory/);
  assert.deepEqual(latexProblems(written("toy.tex"), written("references.bib")), []);
  assert.deepEqual(checkTrace(join(outputs, "toy", "numbers.json"), outputs), []);
});
