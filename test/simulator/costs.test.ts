import assert from "node:assert/strict";
import { test } from "node:test";
import type { Architecture, ModelConfig } from "../../src/models/architecture";
import { llamaArchitecture } from "../../src/models/llama/architecture";
import { adaptedSize, llama3Size, tokensPerSecond } from "../../src/simulator/costs";

test("Llama-3-8B has its published parameters; rank 32 on all linear layers is 83.9 million", () => {
  const { parameters, linear, adapter, nf4Bytes, float32Bytes, trainingBytes } = llama3Size(32);
  assert.equal(parameters, 8_030_261_248);
  assert.equal(linear, 6_979_321_856);
  assert.equal(adapter, 83_886_080);
  assert.equal(float32Bytes, 4 * parameters);
  assert.equal(trainingBytes, 16 * adapter);
  // 4.127 bits a weight, embedding, head and norms in float32.
  const others = 4 * (parameters - linear);
  assert.ok(Math.abs((8 * (nf4Bytes - others)) / linear - 4.127) < 0.001, String(nf4Bytes));
});

test("a small model is counted by hand", () => {
  const config = llamaArchitecture.parseConfig(
    {
      ...{ vocab_size: 10, hidden_size: 4, intermediate_size: 6, num_hidden_layers: 1 },
      ...{ num_attention_heads: 1, num_key_value_heads: 1, tie_word_embeddings: true },
    },
    "tiny",
  ) as ModelConfig;
  const size = adaptedSize({ architecture: llamaArchitecture as unknown as Architecture, config }, 2);
  assert.equal(size.linear, 4 * 16 + 3 * 24);
  assert.equal(size.parameters, 40 + size.linear + 3 * 4);
  assert.equal(size.adapter, 2 * (4 * 8 + 3 * 10));
});

test("the rate leaves out the first step, which compiles, and weighs steps by their time", () => {
  const step = (seconds: number, tokens: number) => ({ seconds, tokensPerSecond: tokens / seconds }) as never;
  assert.equal(tokensPerSecond([step(10, 10), step(1, 100), step(3, 100)]), 50);
  assert.equal(tokensPerSecond([step(2, 10)]), 5);
});
