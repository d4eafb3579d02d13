import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Llama3Scaling, ropeFactors, scalingOfFactors } from "../../../src/models/gguf/rope-factors";

const scaling = (factor: number, context: number, low = 1, high = 4) => ({
  rope_type: "llama3" as const,
  factor,
  low_freq_factor: low,
  high_freq_factor: high,
  original_max_position_embeddings: context,
});

test("the factors divide the frequencies of an unscaled model into those of transformers", () => {
  const folder = join(__dirname, "../../fixtures/tiny-llama/b");
  const config = JSON.parse(readFileSync(join(folder, "config.v4.json"), "utf8")) as {
    rope_scaling: Llama3Scaling;
    rope_theta: number;
    head_dim: number;
  };
  const { inv_freq } = JSON.parse(readFileSync(join(folder, "rotary.json"), "utf8")) as {
    inv_freq: number[];
  };
  const factors = ropeFactors(config.rope_scaling, config.rope_theta, config.head_dim);
  assert.equal(factors.length, inv_freq.length);
  factors.forEach((factor, i) => {
    const wanted = config.rope_theta ** ((-2 * i) / config.head_dim) / inv_freq[i]!;
    assert.ok(Math.abs(factor / wanted - 1) < 1e-6, `${i}: ${factor}, not ${wanted}`);
  });
  assert.deepEqual(scalingOfFactors(factors, config.rope_theta, config.head_dim), config.rope_scaling);
});

test("a scaling is found again from its factors, for Llama 3.1, 3.2 and others", () => {
  for (const [factor, context, theta, headDim] of [
    [8, 8192, 500000, 128],
    [32, 8192, 500000, 64],
    [4, 2048, 10000, 64],
    [16, 4096, 500000, 128],
  ] as const) {
    const given = scaling(factor, context);
    assert.deepEqual(scalingOfFactors(ropeFactors(given, theta, headDim), theta, headDim), given);
  }
  // Context and both factors doubled give the same frequencies.
  const doubled = ropeFactors(scaling(8, 16384, 2, 8), 500000, 128);
  assert.deepEqual(scalingOfFactors(doubled, 500000, 128), scaling(8, 8192));
});

test("factors of 1 are no scaling, and those of another scaling are refused", () => {
  assert.equal(scalingOfFactors(new Float32Array(32).fill(1), 10000, 64), undefined);
  assert.throws(
    () => scalingOfFactors(new Float32Array(31).fill(1), 10000, 64),
    /has 31 factors, where 32 are needed/,
  );
  for (const factors of [
    ropeFactors(scaling(8, 8192, 1, 8), 500000, 128),
    Float32Array.from({ length: 64 }, (_, i) => 1 + i / 10),
    new Float32Array(64).fill(NaN),
  ])
    assert.throws(() => scalingOfFactors(factors, 500000, 128), /not Llama 3's scaling/);
});
