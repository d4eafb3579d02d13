import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { readJson, writeJson } from "../../../src/io/files";
import type { Model } from "../../../src/models/architecture";
import { architectureOf } from "../../../src/models/architectures";
import { linearChain } from "../../../src/models/layers/linear";
import { readAdapter } from "../../../src/models/lora/adapter";
import { loraLink } from "../../../src/models/lora/linear";
import { openModelDirectory } from "../../../src/models/pretrained/read";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import {
  hasScores,
  scorerArchitecture,
  scorerModel,
  type ScorerModel,
} from "../../../src/models/scorer/architecture";
import { type ScorerKind, scorerKinds } from "../../../src/models/scorer/config";
import type { TextBatch } from "../../../src/models/scorer/form";
import { openScorerDirectory } from "../../../src/models/scorer/open";
import { writeSafetensors } from "../../../src/tensors/file";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";
import { TextRows } from "../../../src/training/text-batches";
import { bigrams } from "../../house/toy";
import { closeTo } from "../llama-fixtures";
import {
  scorerExamples,
  scorerLabels,
  scorerNames,
  scorerValues,
  wave,
  waveScorer,
} from "../scorer-fixtures";

before(() => tf.setBackend("cpu"));
const directory = mkdtempSync(join(tmpdir(), "scorers-"));
after(() => rmSync(directory, { recursive: true }));

const tensorsOf = (tensors: Iterable<readonly [string, HostTensor]>): Record<string, tf.Tensor> =>
  Object.fromEntries(
    [...tensors].map(([name, { shape, data, dtype }]) => [
      name,
      tf.tensor(data as Float32Array, [...shape], dtype as "float32" | "int32"),
    ]),
  );

/** The logits of the file's texts. */
function logits(name: string, kind: ScorerKind, model: ScorerModel, padToMultipleOf = 4): number[] {
  const examples = scorerExamples(name, kind);
  const { labels: _, ...texts } = new TextRows(examples, { padTokenId: 0, padToMultipleOf }).batch(
    [...examples.keys()],
    examples.length,
  );
  return [...model.scores(tensorsOf(Object.entries(texts)) as unknown as TextBatch).dataSync()];
}

const modelOf = ({ architecture, config, parameters }: ReturnType<typeof waveScorer>) =>
  architecture.model(config, tensorsOf(parameters)) as ScorerModel;

for (const name of scorerNames)
  for (const kind of scorerKinds) {
    const expected = scorerValues.models[name]!.cases[kind];
    test(`${name}, ${kind}: parameters and logits are those of transformers`, () => {
      const scorer = waveScorer(name, kind);
      const { architecture, config } = scorer;
      assert.deepEqual(
        Object.keys(architecture.parameterShapes(config)).sort(),
        Object.keys(expected.gradients).sort(),
      );
      // With and without padding left out, and with more of it.
      for (const multiple of [1, 4, 32])
        closeTo(logits(name, kind, modelOf(scorer), multiple), expected.logits.flat(), 1e-5, name);
    });

    test(`${name}, ${kind}: a folder is opened again with its head, and not as a model that writes`, () => {
      const scorer = waveScorer(name, kind);
      const folder = join(directory, `${name} ${kind}`);
      writeModelDirectory(folder, scorer);
      const file = readJson(join(folder, "config.json")) as Record<string, Record<string, unknown>>;
      assert.deepEqual(file["architectures"], [scorer.architecture.name]);
      assert.equal(Object.keys(file["id2label"]!).length, rowsOf(kind));
      const opened = openScorerDirectory(folder);
      assert.deepEqual(opened.config, scorer.config);
      for (const [parameter, { data }] of scorer.parameters)
        assert.deepEqual(opened.parameters.get(parameter)!.data, data, parameter);
      opened.close();
      assert.throws(() => openModelDirectory(folder), /LlamaForSequenceClassification|openScorer/);
    });
  }

const rowsOf = (kind: ScorerKind) => scorerLabels[kind].length * (kind === "pairwise" ? 4 : 1);

for (const name of scorerNames)
  test(`${name}: an adapter that PEFT saved over the class gives PEFT's logits`, () => {
    const { config: peft, shapes, logits: expected } = scorerValues.models[name]!.adapter;
    const folder = join(directory, `${name} adapter`);
    const tensors = Object.entries(shapes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([key, shape], i) =>
          [
            key,
            float32Tensor(
              shape,
              wave(i, shape).map((x) => 0.3 * x),
            ),
          ] as const,
      );
    writeSafetensors(join(folder, "adapter_model.safetensors"), new Map(tensors));
    writeJson(join(folder, "adapter_config.json"), peft);
    const scorer = waveScorer(name, "classification");
    const adapter = readAdapter(folder, scorer as unknown as Model);
    const all = tensorsOf([...scorer.parameters, ...adapter.weights]);
    const linear = linearChain(all, loraLink(all, { ...adapter.config, dropout: 0 }));
    const model = scorer.architecture.model(scorer.config, all, { linear }) as ScorerModel;
    closeTo(logits(name, "classification", model), expected.flat(), 1e-5, name);
  });

test("a fresh head finds all labels equally likely and leaves its model as it is", () => {
  const { architecture, config, parameters } = waveScorer("t5", "classification");
  const own = new Map(
    [...parameters].flatMap(([name, tensor]) =>
      name.startsWith("transformer.") ? [[name.slice("transformer.".length), tensor]] : [],
    ),
  );
  const { base } = config;
  const t5 = { architecture: baseOf("t5"), config: base, parameters: own };
  const scorer = scorerModel(t5, { kind: "classification", labels: ["a", "b"] });
  const names = Object.keys(architecture.parameterShapes(scorer.config));
  const all = new Map(names.map((name) => [name, scorer.parameters.get(name)!]));
  assert.equal(all.get("transformer.shared.weight")!.data, own.get("shared.weight")!.data);
  const model = scorer.architecture.model(scorer.config, tensorsOf(all)) as ScorerModel;
  assert.deepEqual(logits("t5", "classification", model), [0, 0, 0, 0, 0, 0, 0, 0]);
  assert.ok(hasScores(model));
});

const baseOf = (name: string) => {
  const { config: file } = scorerValues.models[name]!;
  return architectureOf(file);
};

test("what is no scorer, or none that means something, is refused by name", async () => {
  const toy = bigrams({ vocabSize: 12, width: 4, padTokenId: 0, eosTokenId: 1 });
  assert.throws(() => scorerModel(toy, { kind: "reward", labels: ["good"] }), /bigram model has no form/);
  const scorer = waveScorer("llama", "reward");
  const head = (kind: ScorerKind, labels: string[]) => () =>
    scorerModel({ ...scorer, architecture: baseOf("llama"), config: scorer.config.base }, { kind, labels });
  assert.throws(head("classification", ["one"]), /a classification head needs two labels or more, not 1/);
  assert.throws(head("reward", ["a", "b"]), /a reward head needs one label.*not 2/);
  assert.throws(head("pairwise", ["a", "a"]), /"a"/);
  const { config: file } = scorerValues.models["llama"]!;
  const parse = (change: object) => () =>
    scorerArchitecture(baseOf("llama")).parseConfig({ ...file, ...change }, "here/config.json");
  assert.throws(parse({ architectures: ["LlamaForCausalLM"] }), /here\/config.json.*no head for whole texts/);
  const own = { architectures: ["LlamaForSequenceClassification"] };
  assert.deepEqual(parse({ ...own, id2label: { 0: "score" } })().kind, "reward");
  assert.deepEqual(parse({ ...own, id2label: { 1: "no", 0: "yes" } })().labels, ["yes", "no"]);
  assert.throws(parse({ ...own, id2label: { 0: "a", 2: "b" } }), /id2label must name the labels 0 to 1/);
  const pairs = { scorer: { kind: "pairwise", labels: ["a", "b"] }, id2label: { 0: "a", 1: "b" } };
  assert.throws(parse({ ...own, ...pairs }), /id2label has 2 labels.*pairwise\) has 8/);
  await assert.rejects(scorer.architecture.createGenerator(scorer), /scores texts and writes none/);
});
