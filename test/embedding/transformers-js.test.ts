import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { transformersJsEmbedder } from "../../src/embedding/transformers-js";
import { modelPieces } from "../../src/engine/onnx";
import { writeChunksWhole, writeJson } from "../../src/io/files";
import { fileGraph } from "../../src/models/graph-file";
import { floatWeights } from "../../src/models/layers/weights";
import { DenseIndex } from "../../src/retrieval/dense";
import { float32Tensor } from "../../src/tensors/tensor";
import { writeTinyBertTokenizer } from "../models/tiny-bert-tokenizer";

const folder = mkdtempSync(join(tmpdir(), "features-"));
after(() => rmSync(folder, { recursive: true }));

const vocabulary = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "i", "bake", "sail"];
const WIDTH = 4;
const table = vocabulary.map((_, id) =>
  Array.from({ length: WIDTH }, (_, i) => Math.sin(1 + 5 * id + 2 * i)),
);

/** A model for feature extraction in BERT's layout: each token's state is its row of the table. */
function writeExtractor(): void {
  mkdirSync(join(folder, "onnx"), { recursive: true });
  const open = { batch_size: 7901, sequence_length: 7933 };
  const ids = { dtype: "int32", shape: [open.batch_size, open.sequence_length] } as const;
  const shape = [vocabulary.length, WIDTH];
  const parameters = new Map([["table", float32Tensor(shape, Float32Array.from(table.flat()))]]);
  const graph = fileGraph(
    floatWeights({ table: shape }, parameters),
    { input_ids: ids, attention_mask: ids },
    open,
    (weights, inputs) => ({
      last_hidden_state: tf.gather(weights["table"]!, inputs["input_ids"]!),
    }),
  );
  writeChunksWhole(join(folder, "onnx", "model.onnx"), modelPieces(graph));
  writeJson(join(folder, "config.json"), {
    model_type: "bert",
    architectures: ["BertModel"],
    pad_token_id: 0,
  });
  writeTinyBertTokenizer(folder, vocabulary);
}

/** The mean of the rows of a text's tokens, of length 1. */
function expected(...words: string[]): number[] {
  const rows = ["[CLS]", ...words, "[SEP]"].map((token) => table[vocabulary.indexOf(token)]!);
  const mean = Array.from(
    { length: WIDTH },
    (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length,
  );
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}

test("a model of Transformers.js gives each text the mean of its tokens, whatever stands beside it, to be searched", async () => {
  writeExtractor();
  const embedder = await transformersJsEmbedder(folder);
  // More than go through the model at a time, of two lengths.
  const texts = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "i bake" : "sail"));
  const rows = await embedder.embed(texts);
  texts.forEach((_, i) => {
    const wanted = i % 2 === 0 ? expected("i", "bake") : expected("sail");
    wanted.forEach((value, at) => assert.ok(Math.abs(rows[i * WIDTH + at]! - value) < 1e-5, `${i} ${at}`));
  });
  const index = await DenseIndex.build(["sail", "i bake", "bake"], (all) => embedder.embed(all));
  assert.deepEqual(
    (await index.search("i bake", 1)).map(({ index }) => index),
    [1],
  );
  await index.dispose();
  await embedder.dispose();
});
