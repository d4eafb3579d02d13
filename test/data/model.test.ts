import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { z } from "zod";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { embeddedModel } from "../../src/experiments/base";
import { generateTexts } from "../../src/generation/texts";
import { readJson, sha256File } from "../../src/io/files";
import type { LoadedCheckpoint } from "../../src/models/pretrained/checkpoint";
import { readModelDirectory } from "../../src/models/pretrained/read";
import { t5Architecture } from "../../src/models/t5/architecture";
import type { T5Config } from "../../src/models/t5/config";
import { initT5 } from "../../src/models/t5/init";
import { parameterShapes } from "../../src/models/t5/parameters";
import { loadTokenizer, type Tokenizer } from "../../src/models/tokenizer/tokenizer";
import { pretrainingDocuments } from "../../src/pretraining/documents";
import { seq2seqPretraining } from "../../src/pretraining/seq2seq/pretraining";
import { pretrainingTokens } from "../../src/pretraining/tokens";
import { Words } from "../../src/pretraining/words";
import { Random } from "../../src/random/random";
import { evaluateSpec } from "../../src/training/evaluate";
import { everyNth } from "./held-out";

const trainingLog = z.object({
  steps: z.number(),
  tokens: z.number(),
  seconds: z.number(),
  evals: z.array(z.record(z.string(), z.number())),
  final: z.record(z.string(), z.number()),
});

let model: LoadedCheckpoint & { readonly config: T5Config };
let tokenizer: Tokenizer;
before(async () => {
  model = readModelDirectory(embeddedModel) as typeof model;
  tokenizer = await loadTokenizer(embeddedModel);
});

test("the card says what is there", async () => {
  const card = readFileSync(join(embeddedModel, "README.md"), "utf8");
  const weights = join(embeddedModel, "model.safetensors");
  const parameters = [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  const said = (row: string) => new RegExp(`^\\| ${row} \\| (.*) \\|$`, "m").exec(card)?.[1] ?? "";
  assert.ok(said("parameters").startsWith(`${parameters.toLocaleString("en-US")}:`), said("parameters"));
  assert.equal(said("SHA-256"), `\`${await sha256File(weights)}\``);
  assert.match(said("weights"), new RegExp(`half precision, ${(2 * parameters).toLocaleString("en-US")} bytes`));
  assert.match(card, /CC-BY-4\.0/);
  assert.ok(statSync(weights).size <= 32e6);
});

test("the card's losses are those that the training wrote down", () => {
  const card = readFileSync(join(embeddedModel, "README.md"), "utf8");
  const log = trainingLog.parse(readJson(join(embeddedModel, "training.json")));
  const tasks = Object.keys(log.final);
  assert.equal(tasks[0], "copying");
  assert.equal(tasks.length, 5);
  for (const row of [...log.evals, { step: log.steps, ...log.final }]) {
    const losses = tasks.map((task) => row[task]!.toFixed(3));
    assert.ok(card.includes(`| ${[row.step, ...losses].join(" | ")} |`), String(row.step));
  }
  const asked = tasks.slice(1);
  const mixture = asked.reduce((sum, task) => sum + log.final[task]!, 0) / asked.length;
  assert.match(card, new RegExp(`mean of the four tasks ended at ${mixture.toFixed(3)}`));
  assert.match(card, new RegExp(`${log.steps.toLocaleString("en-US")} of 384 examples, ${(log.tokens / 1e6).toFixed(1)} M tokens`));
  assert.match(card, new RegExp(`^\\| time \\| ${Math.round(log.seconds)} s \\|$`, "m"));
});

test("a T5 v1.1 of some 15 million parameters whose vocabulary is its tokenizer's", () => {
  const { config, parameters } = model;
  assert.equal(config.feedForward, "gated-gelu");
  assert.equal(config.tieWordEmbeddings, false);
  assert.equal(config.vocabSize, tokenizer.vocabularySize);
  const shapes = Object.fromEntries([...parameters].map(([name, { shape }]) => [name, shape]));
  assert.deepEqual(shapes, parameterShapes(config));
  const size = [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  assert.ok(size > 12e6 && size < 16e6, String(size));
});

test("it knows how conversations go that it never read: far better than untrained weights", async () => {
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const validation = pretrainingDocuments(splits.test.slice(0, 4), tokenizer);
  const words = new Words(validation, (id) => tokenizer.token(id));
  const loss = (parameters: LoadedCheckpoint["parameters"]) =>
    evaluateSpec(
      // Six batches are of long examples, and six of short ones.
      everyNth(
        6,
        seq2seqPretraining(
          { architecture: t5Architecture, config: model.config, parameters },
          {
            train: validation,
            validation,
            words,
            tokens: pretrainingTokens(tokenizer),
            batchSize: 16,
            seed: 1,
          },
        ),
      ),
      16,
    );
  const untrained = initT5(model.config, new Random(1));
  const [trained, random] = [await loss(model.parameters), await loss(untrained)];
  assert.ok(trained < 0.6 * random, `${trained} against ${random}`);
});

test("it goes on with a conversation as two speakers", async () => {
  const generator = await model.architecture.createGenerator(model);
  try {
    const [answer] = await generateTexts(
      generator,
      tokenizer,
      ["User 1: Hi! How are you today? User 2: I'm well, thank you. And you?"],
      { maxNewTokens: 48, noRepeatNgramSize: 3 },
    );
    assert.match(answer!.text, /User 1:.*User 2:|User 2:.*User 1:/s);
  } finally {
    await generator.dispose();
  }
});
