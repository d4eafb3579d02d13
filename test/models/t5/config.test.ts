import assert from "node:assert/strict";
import { test } from "node:test";
import { parseT5Config, scalesOutputs, withOwnHead } from "../../../src/models/t5/config";
import { parameterShapes } from "../../../src/models/t5/parameters";
import { relativePositionBucket } from "../../../src/models/t5/position-bias";

const flanT5Small = {
  model_type: "t5",
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 1024,
  num_layers: 8,
  num_decoder_layers: 8,
  num_heads: 6,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
  decoder_start_token_id: 0,
};
const size = (shapes: Record<string, number[]>) =>
  Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);

test("FLAN-T5 Small has its 76,961,152 parameters", () => {
  const shapes = parameterShapes(parseT5Config(flanT5Small));
  assert.equal(size(shapes), 76_961_152);
  assert.deepEqual(shapes["decoder.block.7.layer.1.EncDecAttention.q.weight"], [384, 512]);
});

test("the original T5 Small (ReLU, tied) has its 60,506,624 parameters", () => {
  const shapes = parameterShapes(
    parseT5Config({
      vocab_size: 32128,
      d_model: 512,
      d_kv: 64,
      d_ff: 2048,
      num_layers: 6,
      num_heads: 8,
    }),
  );
  assert.equal(size(shapes), 60_506_624);
  assert.ok(!("lm_head.weight" in shapes));
});

test("a configuration of another kind is refused by name", () => {
  assert.throws(
    () => parseT5Config({ ...flanT5Small, model_type: "bart" }, "some/config.json"),
    /some\/config\.json.*model_type/s,
  );
  assert.throws(
    () => parseT5Config({ ...flanT5Small, feed_forward_proj: "gated-silu" }),
    /feed_forward_proj/,
  );
  assert.throws(() => parseT5Config({ ...flanT5Small, num_heads: 0 }), /num_heads/);
  for (const other of [{ model_type: "bert", hidden_size: 4 }, { model_type: "t5" }, {}])
    assert.throws(() => parseT5Config(other, "c.json"), /^Error: c\.json: [^\n]+$/);
});

test("outputs are scaled as scale_decoder_outputs says, else where embeddings are tied", () => {
  const scales = (tie?: boolean, scale?: boolean | null) =>
    scalesOutputs(parseT5Config({ ...flanT5Small, tie_word_embeddings: tie, scale_decoder_outputs: scale }));
  assert.equal(scales(), true);
  assert.equal(scales(true), true);
  assert.equal(scales(false), false);
  assert.equal(scales(true, null), true);
  for (const tie of [true, false]) {
    assert.equal(scales(tie, true), true);
    assert.equal(scales(tie, false), false);
  }
  // An lm_head of its own changes what is multiplied, not whether it is scaled.
  for (const scale of [undefined, true, false]) {
    const file = { ...flanT5Small, tie_word_embeddings: true, scale_decoder_outputs: scale };
    const own = withOwnHead(parseT5Config(file));
    assert.equal(own.tieWordEmbeddings, false);
    assert.equal(scalesOutputs(own), scale ?? true);
  }
  assert.deepEqual(
    withOwnHead(parseT5Config({ ...flanT5Small, tie_word_embeddings: true, scale_decoder_outputs: false })),
    parseT5Config(flanT5Small),
  );
});

test("near positions have a bucket each, far ones share the last", () => {
  assert.equal(relativePositionBucket(0, true, 32, 128), 0);
  assert.equal(relativePositionBucket(-7, true, 32, 128), 7);
  assert.equal(relativePositionBucket(7, true, 32, 128), 23);
  assert.equal(relativePositionBucket(-5000, true, 32, 128), 15);
  assert.equal(relativePositionBucket(5000, false, 32, 128), 0);
  assert.equal(relativePositionBucket(-5000, false, 32, 128), 31);
});

test("sizes and tokens that no T5 has are refused before anything is made of them", () => {
  for (const [fields, words] of [
    [{ num_layers: 1e9 }, /num_layers/],
    [{ num_decoder_layers: 1e9 }, /num_decoder_layers/],
    [{ d_ff: 1e12 }, /d_ff/],
    [
      { pad_token_id: 32128 },
      /^Error: config\.json: pad_token_id 32128 is not a token: tokens are 0 to 32127/,
    ],
    [{ eos_token_id: 40000 }, /eos_token_id/],
    [{ decoder_start_token_id: 40000 }, /decoder_start_token_id/],
    [{ d_kv: undefined }, /there is no d_kv/],
  ] as const)
    assert.throws(() => parseT5Config({ ...flanT5Small, ...fields }), words);
});
