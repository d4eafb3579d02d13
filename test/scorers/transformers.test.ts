import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { modelPieces } from "../../src/engine/onnx";
import { writeChunksWhole, writeJson } from "../../src/io/files";
import { fileGraph } from "../../src/models/graph-file";
import { floatWeights } from "../../src/models/layers/weights";
import { openLabelScorer, openScorer } from "../../src/scorers/open";
import { softmax } from "../../src/scorers/scorer";
import { float32Tensor } from "../../src/tensors/tensor";
import { writeTinyBertTokenizer } from "../models/tiny-bert-tokenizer";

const directory = mkdtempSync(join(tmpdir(), "classifier-"));
after(() => rmSync(directory, { recursive: true }));

const vocabulary = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "i", "swim", "sink"];
/** What each token adds to the logits of the labels. */
const table = vocabulary.map((_, id) => [0, 1, 2].map((label) => Math.sin(1 + id + 3 * label)));

/** A classifier in DeBERTa's layout: the sum of its tokens' rows of the table. */
function writeClassifier(folder: string, id2label: Record<string, string>): void {
  mkdirSync(join(folder, "onnx"), { recursive: true });
  const open = { batch_size: 7901, sequence_length: 7933 };
  const ids = { dtype: "int32", shape: [open.batch_size, open.sequence_length] } as const;
  const labels = Object.keys(id2label).length;
  const shape = [vocabulary.length, labels];
  const values = Float32Array.from(table.flatMap((row) => row.slice(0, labels)));
  const parameters = new Map([["table", float32Tensor(shape, values)]]);
  const graph = fileGraph(
    floatWeights({ table: shape }, parameters),
    { input_ids: ids, attention_mask: ids },
    open,
    (weights, inputs) => {
      const rows = tf.gather(weights["table"]!, inputs["input_ids"]!);
      const mask = tf.expandDims(tf.cast(inputs["attention_mask"]!, "float32"), 2);
      return { logits: tf.sum(tf.mul(rows, mask), 1) };
    },
  );
  writeChunksWhole(join(folder, "onnx", "model.onnx"), modelPieces(graph));
  writeJson(join(folder, "config.json"), {
    model_type: "deberta-v2",
    architectures: ["DebertaV2ForSequenceClassification"],
    id2label,
    label2id: Object.fromEntries(Object.entries(id2label).map(([id, label]) => [label, Number(id)])),
    pad_token_id: 0,
  });
  writeTinyBertTokenizer(folder, vocabulary);
}

const sumOf = (tokens: string[], labels = 3) =>
  Array.from({ length: labels }, (_, label) =>
    tokens.reduce((sum, token) => sum + table[vocabulary.indexOf(token)]![label]!, 0),
  );

test("a classifier in the layout of Transformers.js reads both texts, its labels under this project's names", async () => {
  const folder = join(directory, "nli");
  writeClassifier(folder, { 0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT" });
  const scorer = await openLabelScorer(folder);
  assert.deepEqual(scorer.labels, ["contradiction", "neutral", "entailment"]);
  assert.deepEqual(scorer.reads, ["premise", "hypothesis"]);
  // The shorter row of the batch is padded, which must not count.
  const found = await scorer.probabilities([["i swim", "i sink"], ["i", "swim"]]); // prettier-ignore
  const tokens = [["[CLS]", "i", "swim", "[SEP]", "i", "sink", "[SEP]"], ["[CLS]", "i", "[SEP]", "swim", "[SEP]"]]; // prettier-ignore
  tokens.forEach((row, i) =>
    softmax(sumOf(row)).forEach((p, label) =>
      assert.ok(Math.abs(p - found[i]![label]!) < 1e-5, `${i} ${label}`),
    ),
  );
  await assert.rejects(scorer.probabilities(["i swim"]), /reads two texts/);
  await scorer.close();
});

test("one with a single label says how good a text is", async () => {
  const folder = join(directory, "reward");
  writeClassifier(folder, { 0: "LABEL_0" });
  const scorer = await openScorer(folder);
  assert.equal(scorer.kind, "reward");
  const [reward] = scorer.kind === "reward" ? await scorer.rewards(["i swim"]) : [];
  assert.ok(Math.abs(reward! - sumOf(["[CLS]", "i", "swim", "[SEP]"], 1)[0]!) < 1e-5);
  await scorer.close();
});

test("a folder without the graph is refused by what is missing", async () => {
  const folder = join(directory, "none");
  mkdirSync(join(folder, "onnx"), { recursive: true });
  await assert.rejects(openScorer(folder), /no onnx\/model\.onnx/);
});
