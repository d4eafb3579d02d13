import assert from "node:assert/strict";
import { test } from "node:test";
import { encoderOf } from "../../src/embedding/encoder";
import { transformersJsEmbedder } from "../../src/embedding/transformers-js";
import type { Model } from "../../src/models/architecture";
import { textEncoder } from "../../src/models/scorer/encoder";
import { initLora } from "../../src/models/lora/weights";
import { Random } from "../../src/random/random";
import { randomT5, TINY } from "../models/tiny";

/** A token a letter. */
const tokenizer = {
  encode: (text: string, { maxLength = Infinity } = {}) => [
    ...[...text].map((sign) => 2 + (sign.codePointAt(0)! % 28)).slice(0, maxLength - 1),
    1,
  ],
};
const model = { ...(randomT5(TINY, 5) as unknown as Model), tokenizer } as unknown as Parameters<
  typeof encoderOf
>[0];

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const rowsOf = (all: Float32Array, width: number) =>
  Array.from({ length: all.length / width }, (_, row) => all.subarray(row * width, (row + 1) * width));

test("every text gets its own vector of length 1, whichever texts are beside it and however many", async () => {
  const embedder = encoderOf(model);
  const texts = Array.from({ length: 35 }, (_, i) => "a text of some length".slice(0, 1 + (i % 21)) + i);
  const rows = rowsOf(await embedder.embed(texts), TINY.dModel);
  assert.equal(rows.length, texts.length);
  for (const row of rows) assert.ok(Math.abs(dot(row, row) - 1) < 1e-5);
  const alone = await embedder.embed([texts[20]!]);
  assert.ok(dot(alone, rows[20]!) > 1 - 1e-5);
  assert.ok(dot(alone, rows[7]!) < 1 - 1e-4);
  assert.deepEqual(await embedder.embed([]), new Float32Array());
  await embedder.dispose();
});

test("long texts are cut, and an adapter changes the vectors", async () => {
  const plain = encoderOf(model, { maxTokens: 6 });
  const [whole, cut] = rowsOf(await plain.embed(["abcdefgh", "abcdexyz"]), TINY.dModel);
  assert.ok(dot(whole!, cut!) > 1 - 1e-6);
  const config = { rank: 2, alpha: 4, dropout: 0, useRslora: false, targetModules: ["q"], modulesToSave: [] };
  const { architecture, config: shape } = textEncoder(model);
  const targets = Object.entries(architecture.parameterShapes(shape)).filter(([name]) =>
    name.endsWith(".q.weight"),
  );
  assert.ok(targets.length === TINY.numLayers);
  const weights = initLora(
    targets.map(([name, [outFeatures, inFeatures]]) => ({
      name,
      module: name.slice(0, -".weight".length),
      inFeatures: inFeatures!,
      outFeatures: outFeatures!,
    })),
    2,
    new Random(1),
  );
  for (const { data } of weights.values()) data.fill(0.3);
  const adapted = encoderOf(model, { adapter: { config, baseModel: null, weights, unfrozen: new Map() } });
  const [before, after] = [await plain.embed(["abc"]), await adapted.embed(["abc"])];
  assert.ok(dot(before, after) < 1 - 1e-4);
  await plain.dispose();
  await adapted.dispose();
});

test("a model that is not there is an error that names it", async () => {
  await assert.rejects(transformersJsEmbedder(__dirname), /embedding: no model for feature extraction/);
});
