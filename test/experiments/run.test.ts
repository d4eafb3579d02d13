import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { experimentSplits } from "../../src/experiments/examples";
import {
  type ExperimentContext,
  experimentExamples,
  ExperimentInterrupted,
  experimentParameters,
  openExperiment,
  type TrainedExperiment,
  trainExperiment,
  untrainedExperiment,
} from "../../src/experiments/run";
import { experimentCheckpoint, experimentVariant } from "../../src/experiments/variant";
import { llamaArchitecture } from "../../src/models/llama/architecture";
import { parseLlamaConfig } from "../../src/models/llama/config";
import { readAdapter } from "../../src/models/lora/adapter";
import { tinyContext, tinySettings } from "./tiny-experiment";

const directory = mkdtempSync(join(tmpdir(), "experiment-"));
after(() => rmSync(directory, { recursive: true }));

let context: ExperimentContext;
let trained: TrainedExperiment;
const settings = tinySettings();
before(async () => {
  context = await tinyContext(join(directory, "runs"));
  trained = await trainExperiment(settings, context);
});

const adapterBytes = ({ adapter }: { adapter: string }) =>
  ["adapter_model.safetensors", "unfrozen.safetensors"].map((name) =>
    readFileSync(join(adapter, name)).toString("base64"),
  );
const weights = (adapter: string) => readAdapter(adapter, context.base.checkpoint);

test("a run leaves an adapter with its settings, a log, and no checkpoints", () => {
  assert.equal(trained.found, false);
  assert.equal(trained.steps, 4);
  assert.equal(trained.log.length, 4);
  assert.ok(trained.seconds > 0);
  assert.ok(trained.best && trained.best.loss > 0);
  assert.equal(trained.truncation.examples, 10);
  assert.deepEqual(weights(trained.adapter).config.modulesToSave, ["lm_head"]);
  assert.ok(existsSync(join(trained.directory, "training_log.jsonl")));
  assert.ok(!existsSync(join(trained.directory, "checkpoint-4")));
});

test("an equal run is found; what is only asked of the answers may differ", async () => {
  let steps = 0;
  const again = await trainExperiment(tinySettings({ noRepeatNgramSize: 3, nTest: 1 }), {
    ...context,
    hooks: { onStep: () => steps++ },
  });
  assert.equal(steps, 0);
  assert.equal(again.found, true);
  assert.equal(again.adapter, trained.adapter);
  assert.equal(again.settings.noRepeatNgramSize, 3);
  const { log, best, seconds, truncation, table } = trained;
  assert.deepEqual(
    { ...again, settings, found: false },
    { ...trained, log, best, seconds, truncation, table },
  );
});

test("the same settings and seed give the same adapter, another seed another", async () => {
  const elsewhere = await trainExperiment(settings, { ...context, directory: join(directory, "again") });
  assert.equal(elsewhere.found, false);
  assert.deepEqual(adapterBytes(elsewhere), adapterBytes(trained));
  const otherSeed = await trainExperiment(tinySettings({ seed: 14 }), context);
  assert.notEqual(otherSeed.directory, trained.directory);
  assert.notDeepEqual(adapterBytes(otherSeed), adapterBytes(trained));
});

test("a run that was stopped goes on to the same adapter", async () => {
  const stop = new AbortController();
  const parent = join(directory, "stopped");
  const steps: number[] = [];
  const onStep = ({ step }: { step: number }) => {
    steps.push(step);
    if (step === 3) stop.abort();
  };
  const interrupted = trainExperiment(settings, {
    ...context,
    directory: parent,
    hooks: { onStep, signal: stop.signal },
  });
  await assert.rejects(interrupted, (error) => error instanceof ExperimentInterrupted && error.step === 3);
  const resumed = await trainExperiment(settings, { ...context, directory: parent, hooks: { onStep } });
  assert.deepEqual(steps, [1, 2, 3, 4]);
  assert.deepEqual(adapterBytes(resumed), adapterBytes(trained));
  assert.deepEqual(
    resumed.log.map(({ loss }) => loss),
    trained.log.map(({ loss }) => loss),
  );
});

test("calls for one run take turns: the second goes on where the first was stopped", async () => {
  const stop = new AbortController();
  const parent = join(directory, "twice");
  const steps: number[] = [];
  const onStep = ({ step }: { step: number }) => {
    steps.push(step);
    if (step === 2) stop.abort();
  };
  const first = trainExperiment(settings, {
    ...context,
    directory: parent,
    hooks: { onStep, signal: stop.signal },
  });
  const others = [1, 2].map(() =>
    trainExperiment(settings, { ...context, directory: parent, hooks: { onStep } }),
  );
  await assert.rejects(first, ExperimentInterrupted);
  const [second, third] = await Promise.all(others);
  assert.deepEqual(steps, [1, 2, 3, 4]);
  assert.deepEqual([second!.found, third!.found], [false, true]);
  assert.deepEqual(adapterBytes(second!), adapterBytes(trained));
});

test("a run that was killed before its adapter was whole is finished from its checkpoint", async () => {
  const parent = join(directory, "killed");
  const stop = new AbortController();
  const onStep = ({ step }: { step: number }) => void (step === 4 && stop.abort());
  const hooks = { onStep, signal: stop.signal };
  await assert.rejects(
    trainExperiment(settings, { ...context, directory: parent, hooks }),
    ExperimentInterrupted,
  );
  const folder = join(parent, trained.key.slice(0, 12));
  cpSync(join(trained.adapter, "adapter_config.json"), join(folder, "adapter", "adapter_config.json"));
  const finished = await trainExperiment(settings, { ...context, directory: parent });
  assert.equal(finished.found, false);
  assert.deepEqual(adapterBytes(finished), adapterBytes(trained));
});

test("evaluation inputs have exactly the trained form", async () => {
  const { train } = experimentSplits(context.corpus.splits, settings);
  const answers = await experimentVariant("trained", openExperiment(trained.adapter, context)).generate(
    train,
  );
  const { examples } = (await experimentExamples(settings, context)).train;
  const { tokenizer } = context.base;
  assert.equal(answers.length, examples.length);
  answers.forEach(({ input }, i) => assert.deepEqual(tokenizer.encode(input), examples[i]!.inputIds));
});

test("the variant answers with the merged model, the base without it", async () => {
  const { splits } = context.corpus;
  const { test } = experimentSplits(splits, settings);
  const trainIds = new Set(splits.train.map(({ id }) => id));
  const variant = experimentVariant("trained", trained);
  const answers = await variant.generate(test);
  for (const { retrieved } of answers) {
    assert.equal(retrieved?.length, 2);
    for (const { id } of retrieved!) assert.ok(trainIds.has(id));
  }
  assert.deepEqual(await experimentVariant("trained", trained).generate(test), answers);
  const base = await experimentVariant("base", untrainedExperiment(settings, context)).generate(test);
  assert.deepEqual(
    base.map(({ input }) => input),
    answers.map(({ input }) => input),
  );
  assert.notDeepEqual(base, answers);

  const merged = experimentCheckpoint(trained).parameters;
  const { unfrozen } = weights(trained.adapter);
  const frozen = context.base.checkpoint.parameters;
  assert.deepEqual(merged.get("shared.weight"), frozen.get("shared.weight"));
  for (const name of ["encoder.block.1.layer.0.layer_norm.weight", "lm_head.weight"])
    assert.notDeepEqual(merged.get(name), frozen.get(name), name);
  assert.ok(unfrozen.size > 0 && [...unfrozen.keys()].every((name) => name.startsWith("encoder.block.1.")));

  const bare = await experimentVariant("bare", trained, { k: 0, promptVariant: "plain" }).generate(test);
  for (const { input, retrieved } of bare) {
    assert.equal(retrieved, undefined);
    assert.ok(!input.includes("<USER>"));
  }
});

test("an adapter without its settings, or of another base, is not used", () => {
  const copy = join(directory, "copy");
  cpSync(trained.adapter, copy, { recursive: true });
  assert.deepEqual(openExperiment(copy, context).settings, settings);
  const other = { ...context.base.checkpoint, parameters: experimentCheckpoint(trained).parameters };
  const changed = { ...context, base: { ...context.base, checkpoint: other } };
  assert.throws(() => openExperiment(copy, changed), /was trained on .* as it was then/);
  rmSync(join(copy, "settings.json"));
  assert.throws(() => openExperiment(copy, context), /no settings\.json/);
});

test("what a causal model does not have is refused with the setting to change, and the rest is trained", () => {
  const rows = (changes: object, tied: boolean) => {
    const config = parseLlamaConfig("llama", {
      vocab_size: 20,
      hidden_size: 8,
      intermediate_size: 12,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      tie_word_embeddings: tied,
    });
    const checkpoint = { architecture: llamaArchitecture, config, configFile: {}, parameters: new Map() };
    const base = { checkpoint } as unknown as ExperimentContext["base"];
    return experimentParameters({ ...settings, unfrozenEncoderBlocks: 0, ...changes }, base);
  };
  assert.throws(
    () => rows({ trainHead: true }, true),
    /^Error: trainHead: the lm_head of this Llama is.*to false/,
  );
  assert.throws(
    () => rows({ trainHead: false, unfrozenEncoderBlocks: 2 }, true),
    /cannot unfreeze 2 encoder blocks: the model has no encoder, only layers; leave it at 0/,
  );
  const parts = (changes: object, tied: boolean) => rows(changes, tied).map(({ part }) => part);
  assert.ok(parts({ trainHead: true }, false).includes("lm_head (whole)"));
  assert.ok(!parts({ trainHead: false }, true).includes("lm_head (whole)"));
});
