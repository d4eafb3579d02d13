import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../../src/random/random";
import type { GgufValue } from "../../../src/tensors/gguf/metadata";
import { type GgufTensor, type GgufWriteType, writeGguf } from "../../../src/tensors/gguf/write";

interface ByteLevel {
  tokens: string[];
  merges: string[];
  /** How many tokens, from the first on, are control tokens. */
  control: number;
  ids: number[][];
}

/** Vocabularies and ids of the reference libraries; see test/fixtures/README.md. */
export const vocabularies = JSON.parse(
  readFileSync(join(__dirname, "../../fixtures/gguf/tokenizers.json"), "utf8"),
) as {
  texts: string[];
  byteLevel: Record<string, ByteLevel>;
  sentencePiece: { tokens: string[]; scores: number[]; types: number[]; ids: number[][] };
};

export type Metadata = Record<string, GgufValue>;

export const u32 = (value: number): GgufValue => ({ type: "uint32", value });
export const f32 = (value: number): GgufValue => ({ type: "float32", value });
export const text = (value: string): GgufValue => ({ type: "string", value });
export const bool = (value: boolean): GgufValue => ({ type: "bool", value });
export const list = (of: "string" | "int32" | "float32", value: readonly (string | number)[]): GgufValue => ({
  type: "array",
  of,
  value,
});

export const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** The tokenizer fields of a byte-level vocabulary of the fixtures, as SmolLM2's file has them. */
export function byteLevelFields(
  pre: string,
  { tokens, merges, control } = vocabularies.byteLevel[pre]!,
): Metadata {
  return {
    "tokenizer.ggml.model": text("gpt2"),
    "tokenizer.ggml.pre": text(pre),
    "tokenizer.ggml.tokens": list("string", tokens),
    "tokenizer.ggml.token_type": list(
      "int32",
      tokens.map((_, id) => (id < control ? 3 : 1)),
    ),
    "tokenizer.ggml.merges": list("string", merges),
    "tokenizer.ggml.bos_token_id": u32(1),
    "tokenizer.ggml.eos_token_id": u32(2),
    "tokenizer.ggml.padding_token_id": u32(2),
    "tokenizer.ggml.unknown_token_id": u32(0),
    "tokenizer.ggml.add_bos_token": bool(false),
    "tokenizer.chat_template": text(CHATML),
  };
}

/** Sizes of a model small enough for a test: hidden 64, two layers, 4 heads of 16, 2 of them for keys, MLP 96. */
export const SIZES = { hidden: 64, layers: 2, heads: 4, keyValueHeads: 2, headDim: 16, feedForward: 96 };

export function modelFields(architecture: string, more: Metadata = {}): Metadata {
  const of = (field: string) => `${architecture}.${field}`;
  return {
    "general.architecture": text(architecture),
    [of("block_count")]: u32(SIZES.layers),
    [of("context_length")]: u32(128),
    [of("embedding_length")]: u32(SIZES.hidden),
    [of("feed_forward_length")]: u32(SIZES.feedForward),
    [of("attention.head_count")]: u32(SIZES.heads),
    [of("attention.head_count_kv")]: u32(SIZES.keyValueHeads),
    [of("attention.layer_norm_rms_epsilon")]: f32(1e-5),
    [of("rope.freq_base")]: f32(100000),
    ...more,
  };
}

/** Tensors of such a model by GGUF's names, of seeded random values. */
export function modelTensors(vocabulary: number, type: GgufWriteType = "F32"): Map<string, GgufTensor> {
  const { hidden, layers, heads, keyValueHeads, headDim, feedForward } = SIZES;
  const random = new Random(18);
  const tensors = new Map<string, GgufTensor>();
  const put = (name: string, ...shape: number[]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: count }, () => random.normal());
    tensors.set(`${name}.weight`, { type: shape.length === 1 ? "F32" : type, shape, values: () => data });
  };
  put("token_embd", vocabulary, hidden);
  put("output_norm", hidden);
  for (let layer = 0; layer < layers; layer++) {
    const part = (name: string, ...shape: number[]) => put(`blk.${layer}.${name}`, ...shape);
    part("attn_norm", hidden);
    part("attn_q", heads * headDim, hidden);
    part("attn_k", keyValueHeads * headDim, hidden);
    part("attn_v", keyValueHeads * headDim, hidden);
    part("attn_output", hidden, heads * headDim);
    part("ffn_norm", hidden);
    part("ffn_gate", feedForward, hidden);
    part("ffn_up", feedForward, hidden);
    part("ffn_down", hidden, feedForward);
  }
  return tensors;
}

export function writeTiny(
  path: string,
  metadata: Metadata,
  tensors: ReadonlyMap<string, GgufTensor>,
): string {
  writeGguf(path, new Map(Object.entries(metadata)), tensors);
  return path;
}
