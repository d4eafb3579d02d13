import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { llama } from "../../../src/models/llama/model";
import { parseT5Config } from "../../../src/models/t5/config";
import { initT5 } from "../../../src/models/t5/init";
import { t5Architecture } from "../../../src/models/t5/architecture";
import { llamaConfigFromT5, llamaFromT5 } from "../../../src/pretraining/causal/from-t5";
import { Random } from "../../../src/random/random";
import type { ParameterMap } from "../../../src/training/policy";

const t5 = (more: object = {}) =>
  parseT5Config({
    vocab_size: 40,
    d_model: 16,
    d_kv: 4,
    d_ff: 24,
    num_layers: 1,
    num_decoder_layers: 2,
    num_heads: 2,
    feed_forward_proj: "gated-gelu",
    tie_word_embeddings: false,
    ...more,
  });
const own = { maxPositions: 64, rope: { theta: 10000 }, initializerRange: 0.02, eosTokenIds: [2, 1] };

test("a Llama of a T5's decoder predicts what the decoder does, where both can", async () => {
  const config = t5();
  const parameters = initT5(config, new Random(3));
  // Without what the two kinds do not share: reading the encoder, the activation, and telling positions apart.
  for (const [name, { data }] of parameters)
    if (/EncDecAttention\.o|decoder.*\.wo\.|decoder.*SelfAttention\.(q|relative_attention_bias)\./.test(name))
      data.fill(0);
  const ids = [5, 9, 30, 7];
  const tensor = (rows: readonly number[]) => tf.tensor2d([...rows], [1, rows.length], "int32");
  const tensors = (map: ParameterMap) =>
    Object.fromEntries([...map].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]));

  const batch = { inputIds: tensor([3, 1]), attentionMask: tensor([1, 1]), labels: tensor(ids) };
  // The decoder begins with its start token, so that a Llama is given that before the same tokens.
  const expected = t5Architecture.model(config, tensors(parameters)).labelLogits(batch);
  const made = llama(llamaConfigFromT5(config, own), tensors(llamaFromT5(config, parameters)));
  const row = tensor([config.decoderStartTokenId, ...ids]);
  const rows = tf.tensor1d([1, 2, 3, 4], "int32");
  const logits = made.labelLogits({
    inputIds: row,
    attentionMask: tf.onesLike(row),
    labels: row,
    labelRows: rows,
  });
  const [a, b] = [await expected.data(), await logits.data()];
  assert.equal(a.length, b.length);
  a.forEach((value, i) => assert.ok(Math.abs(value - b[i]!) < 1e-4, `${i}: ${value} and ${b[i]}`));
});

test("queries are multiplied by the root of their width, which a Llama divides by", () => {
  const config = t5();
  const parameters = initT5(config, new Random(3));
  const q = parameters.get("decoder.block.1.layer.0.SelfAttention.q.weight")!.data;
  const made = llamaFromT5(config, parameters).get("model.layers.1.self_attn.q_proj.weight")!.data;
  q.forEach((value, i) => assert.ok(Math.abs(made[i]! - 2 * value) < 1e-6));
});

test("the T5 keeps its own weights", () => {
  const config = t5();
  const parameters = initT5(config, new Random(3));
  llamaFromT5(config, parameters).get("model.embed_tokens.weight")!.data.fill(7);
  assert.ok(parameters.get("shared.weight")!.data.every((value) => value !== 7));
});

test("a T5 whose feed-forward has no gate is refused", () => {
  assert.throws(() => llamaConfigFromT5(t5({ feed_forward_proj: "relu" }), own), /feed-forward is relu/);
});
