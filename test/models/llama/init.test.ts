import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLlamaConfig } from "../../../src/models/llama/config";
import { initLlama } from "../../../src/models/llama/init";
import { parameterShapes } from "../../../src/models/llama/parameters";
import { Random } from "../../../src/random/random";

test("first weights have the shapes of the config and the spreads of GPT-2", () => {
  const config = parseLlamaConfig("qwen2", {
    vocab_size: 500,
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 8,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    initializer_range: 0.05,
    tie_word_embeddings: false,
    eos_token_id: 1,
  });
  const parameters = initLlama(config, new Random(1));
  assert.deepEqual(
    Object.fromEntries([...parameters].map(([name, { shape }]) => [name, shape])),
    parameterShapes(config),
  );
  const deviation = (name: string) => {
    const { data } = parameters.get(name)!;
    return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
  };
  const near = (name: string, expected: number) =>
    assert.ok(Math.abs(deviation(name) / expected - 1) < 0.1, `${name}: ${deviation(name)}`);
  near("model.embed_tokens.weight", 0.05);
  near("lm_head.weight", 0.05);
  near("model.layers.3.self_attn.q_proj.weight", 0.05);
  near("model.layers.3.mlp.up_proj.weight", 0.05);
  near("model.layers.3.self_attn.o_proj.weight", 0.05 / 4);
  near("model.layers.3.mlp.down_proj.weight", 0.05 / 4);
  for (const norm of [
    "model.norm",
    "model.layers.0.input_layernorm",
    "model.layers.7.post_attention_layernorm",
  ])
    assert.ok(
      parameters.get(`${norm}.weight`)!.data.every((x) => x === 1),
      norm,
    );
  assert.ok(parameters.get("model.layers.0.self_attn.q_proj.bias")!.data.every((x) => x === 0));
});
