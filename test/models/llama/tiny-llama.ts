import { llamaArchitecture } from "../../../src/models/llama/architecture";
import { type LlamaConfig, type LlamaFamily, parseLlamaConfig } from "../../../src/models/llama/config";
import { parameterShapes } from "../../../src/models/llama/parameters";
import { padBatch, type TokenBatch } from "../../../src/models/tokenizer/tokenizer";
import { Random } from "../../../src/random/random";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";

/** A Llama of two blocks with random weights, large enough that its answers differ from token to token. */
export function tinyLlama(fields: Record<string, unknown> = {}, family: LlamaFamily = "llama") {
  const config: LlamaConfig = parseLlamaConfig(family, {
    vocab_size: 97,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    max_position_embeddings: 48,
    tie_word_embeddings: true,
    eos_token_id: 96,
    ...fields,
  });
  const random = new Random(7);
  const parameters = new Map<string, HostTensor<"float32">>();
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    const spread = shape.length === 1 ? 0.2 : 2 * shape[1]! ** -0.5;
    const middle = name.includes("norm") ? 1 : 0;
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, () => middle + spread * (2 * random.uniform() - 1));
    parameters.set(name, float32Tensor(shape, data));
  }
  return { architecture: llamaArchitecture, config, parameters };
}

/** Prompts of these tokens, filled up on one side. */
export function batchOf(rows: readonly number[][], side: "left" | "right" = "right"): TokenBatch {
  const batch = padBatch(rows, 0);
  if (side === "right") return batch;
  const [, length] = batch.inputIds.shape as [number, number];
  rows.forEach((row, i) => {
    const from = i * length;
    for (const tensor of [batch.inputIds, batch.attentionMask]) {
      const own = tensor.data.slice(from, from + row.length);
      tensor.data.fill(0, from, from + length);
      tensor.data.set(own, from + length - row.length);
    }
  });
  return batch;
}
