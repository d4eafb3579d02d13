import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Architecture, Model } from "../../src/models/architecture";
import { architectureOf } from "../../src/models/architectures";
import type { LlamaConfig } from "../../src/models/llama/config";
import { Random } from "../../src/random/random";
import { float32Tensor, type HostTensor } from "../../src/tensors/tensor";

/** config.json of a Llama small enough for a test: grouped queries, heads of a width of their own. */
export const TINY_LLAMA = {
  model_type: "llama",
  vocab_size: 64,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 10,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 2,
};

/** A model of a config.json with seeded random weights: norms near 1, small biases, everything else keeps activations near 1. */
export function randomLlama(
  file: Record<string, unknown>,
  seed: number,
): Model<LlamaConfig> & { parameters: Map<string, HostTensor<"float32">> } {
  const architecture = architectureOf(file) as unknown as Architecture<LlamaConfig>;
  const config = architecture.parseConfig(file, "config.json");
  const random = new Random(seed);
  const parameters = new Map<string, HostTensor<"float32">>();
  for (const [name, shape] of Object.entries(architecture.parameterShapes(config))) {
    const isNorm = /norm\.weight$/.test(name);
    const spread = shape.length === 1 ? 0.1 : name.includes("embed_tokens") ? 1 : 2 * shape[1]! ** -0.5;
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, () => spread * random.normal());
    parameters.set(name, float32Tensor(shape, isNorm ? data.map((x) => 1 + x) : data));
  }
  return { architecture, config, parameters };
}

/** Turns between tokens 1 and 2, in a file of its own as transformers 5 writes it. */
const TEMPLATE =
  "{% for message in messages %}<s>{{ message['role'] }}:{{ message['content'] }}</s>{% endfor %}" +
  "{% if add_generation_prompt %}<s>assistant:{% endif %}";

/** A byte-level tokenizer of 64 tokens (three special ones, letters and signs) with a chat template beside it. */
export function writeTinyChatTokenizer(directory: string): void {
  const special = ["<unk>", "<s>", "</s>"];
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,?:!'-", "Ġ", "Ċ"];
  const vocab = Object.fromEntries([...special, ...letters].slice(0, 64).map((token, id) => [token, id]));
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const write = (name: string, content: object) =>
    writeFileSync(join(directory, name), JSON.stringify(content));
  write("tokenizer.json", {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: "BPE", unk_token: "<unk>", vocab, merges: [], byte_fallback: false },
  });
  write("tokenizer_config.json", {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: "<s>",
    eos_token: "</s>",
    pad_token: "</s>",
    unk_token: "<unk>",
    padding_side: "left",
  });
  writeFileSync(join(directory, "chat_template.jinja"), TEMPLATE);
}
