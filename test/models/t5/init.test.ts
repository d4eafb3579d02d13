import assert from "node:assert/strict";
import { test } from "node:test";
import { parseT5Config } from "../../../src/models/t5/config";
import { initT5 } from "../../../src/models/t5/init";
import { parameterShapes } from "../../../src/models/t5/parameters";
import { Random } from "../../../src/random/random";

const config = parseT5Config({
  vocab_size: 60,
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_layers: 2,
  num_heads: 2,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
});

test("first weights have the shapes and the spreads that T5 gives them", () => {
  const wide = { ...config, vocabSize: 500, dModel: 64, dKv: 16, dFf: 128 };
  const parameters = initT5(wide, new Random(1));
  assert.deepEqual(
    Object.fromEntries([...parameters].map(([name, { shape }]) => [name, shape])),
    parameterShapes(wide),
  );
  const deviation = (name: string) => {
    const { data } = parameters.get(name)!;
    return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
  };
  const near = (name: string, expected: number) =>
    assert.ok(Math.abs(deviation(name) / expected - 1) < 0.1, `${name}: ${deviation(name)}`);
  near("encoder.block.0.layer.0.SelfAttention.q.weight", (64 * 16) ** -0.5);
  near("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 64 ** -0.5);
  near("shared.weight", 64 ** -0.5);
  assert.ok(parameters.get("decoder.final_layer_norm.weight")!.data.every((x) => x === 1));
  assert.deepEqual(parameters.get("lm_head.weight")!.data, parameters.get("shared.weight")!.data);
});

test("at first a head hands on the token it looks at, and an answer looks for its like in the input", () => {
  const wide = { ...config, vocabSize: 500, dModel: 64, dKv: 16, numHeads: 6 };
  const parameters = initT5(wide, new Random(1));
  const data = (name: string) => [...parameters.get(name)!.data];
  const inner = 6 * 16;
  const transposed = (matrix: number[]) =>
    Array.from({ length: matrix.length }, (_, i) => matrix[(i % inner) * 64 + Math.floor(i / inner)]!);
  const close = (actual: number[], expected: number[], factor: number) =>
    actual.forEach((x, i) => assert.ok(Math.abs(x - factor * expected[i]!) < 1e-6));
  const own = "encoder.block.1.layer.0.SelfAttention";
  close(data(`${own}.o.weight`), transposed(data(`${own}.v.weight`)), 0.2);
  const cross = "decoder.block.1.layer.1.EncDecAttention";
  close(data(`${cross}.q.weight`), data(`${cross}.k.weight`), 1.5 / 4);

  // Bucket 16 + 1 holds the key after the query.
  const peaks = (stack: "encoder" | "decoder") =>
    data(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`).flatMap((bias, i) =>
      bias === 0 ? [] : [{ bucket: Math.floor(i / 6), head: i % 6, bias }],
    );
  const at = (buckets: number[]) => buckets.map((bucket, head) => ({ bucket, head, bias: 4 }));
  const byHead = (a: { head: number }, b: { head: number }) => a.head - b.head;
  assert.deepEqual(peaks("encoder").sort(byHead), at([1, 0, 2, 17]));
  assert.deepEqual(peaks("decoder").sort(byHead), at([1, 0, 2, 3]));
});
