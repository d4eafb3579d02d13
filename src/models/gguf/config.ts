import type { GgufFile } from "../../tensors";
import { scalingOfFactors } from "./rope-factors";

/** Rotary factors, the one tensor that is no parameter of a model. */
export const ROPE_FACTORS = "rope_freqs.weight";

/** Kinds of models in GGUF files: what Hugging Face calls them, and whether rotary pairs are joined in the file. */
export const ARCHITECTURES: Readonly<
  Record<string, { readonly className: string; readonly joinsPairs: boolean }>
> = {
  llama: { className: "LlamaForCausalLM", joinsPairs: true },
  qwen2: { className: "Qwen2ForCausalLM", joinsPairs: false },
  qwen3: { className: "Qwen3ForCausalLM", joinsPairs: false },
};

/** Tokens that end a turn of some chat template; a template that writes one ends its answers so, whatever the file's EOS is. */
const TURN_ENDS = ["<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>"];

/** config.json and generation_config.json of a GGUF file, and what its tensors need to be read. */
export interface GgufConfig {
  readonly configFile: Record<string, unknown>;
  readonly generationConfigFile: Record<string, unknown>;
  /** `model_type`. */
  readonly kind: string;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly joinsPairs: boolean;
}

/**
 * What a GGUF file says of its model, as config.json of Hugging Face says it (the fields of transformers 4).
 *
 * @throws {Error} if a kind of model or a feature is not supported; it names file and key
 */
export function readGgufConfig(file: GgufFile): GgufConfig {
  const { metadata, path, entries } = file;
  const name = metadata.string("general.architecture");
  if (name === undefined)
    throw new Error(`${path}: general.architecture is missing: a GGUF file, but of no model`);
  const architecture = Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name]! : undefined;
  if (!architecture) {
    const known = Object.keys(ARCHITECTURES).join(", ");
    throw new Error(
      `${path}: general.architecture ${JSON.stringify(name)} is not supported; the kinds are ${known}`,
    );
  }
  const key = (field: string) => `${name}.${field}`;
  const need = <T>(field: string, value: T | undefined): T => {
    if (value === undefined) throw new Error(`${path}: ${key(field)} is missing`);
    return value;
  };
  const optional = (field: string) => metadata.count(key(field));
  const count = (field: string) => need(field, optional(field));
  const refuse = (field: string, what: string): never => {
    throw new Error(`${path}: ${key(field)}: ${what} is not supported`);
  };

  const hidden = count("embedding_length");
  const heads = count("attention.head_count");
  const keyValueHeads = optional("attention.head_count_kv") ?? heads;
  if (heads === 0 || keyValueHeads === 0) refuse("attention.head_count", "a model without heads");
  const headDim = optional("attention.key_length") ?? optional("rope.dimension_count") ?? hidden / heads;
  const valueDim = optional("attention.value_length") ?? headDim;
  if (valueDim !== headDim)
    refuse("attention.value_length", `${valueDim} where keys have ${headDim} components`);
  const rotated = optional("rope.dimension_count") ?? headDim;
  if (rotated !== headDim) refuse("rope.dimension_count", `rotating ${rotated} of ${headDim} components`);
  if ((optional("expert_count") ?? 0) > 0) refuse("expert_count", "a mixture of experts");
  const context = count("context_length");
  const window = optional("attention.sliding_window");
  if (window !== undefined && window > 0 && window < context)
    refuse("attention.sliding_window", `a window of ${window} tokens`);

  const embedding = entries.get("token_embd.weight");
  if (!embedding) throw new Error(`${path}: missing tensors: token_embd.weight`);
  const rows = embedding.shape[0]!;
  const vocabulary = optional("vocab_size") ?? rows;
  if (vocabulary !== rows)
    throw new Error(`${path}: ${key("vocab_size")} is ${vocabulary}, but token_embd.weight has ${rows} rows`);

  const theta = metadata.number(key("rope.freq_base")) ?? 10000;
  const has = (tensor: string) => entries.has(tensor);
  const hasBias = ["attn_q", "attn_k", "attn_v", "attn_output"].some((part) => has(`blk.0.${part}.bias`));
  const tokens = specialTokens(file);
  const { eos } = tokens;
  return {
    configFile: {
      architectures: [architecture.className],
      model_type: name,
      hidden_act: "silu",
      hidden_size: hidden,
      intermediate_size: count("feed_forward_length"),
      num_hidden_layers: count("block_count"),
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      head_dim: headDim,
      vocab_size: vocabulary,
      max_position_embeddings: context,
      rms_norm_eps: need(
        "attention.layer_norm_rms_epsilon",
        metadata.number(key("attention.layer_norm_rms_epsilon")),
      ),
      rope_theta: theta,
      rope_scaling: ropeScaling(file, name, theta, headDim),
      tie_word_embeddings: !has("output.weight"),
      ...(name === "llama" && {
        attention_bias: hasBias,
        mlp_bias: ["ffn_gate", "ffn_up", "ffn_down"].some((part) => has(`blk.0.${part}.bias`)),
      }),
      bos_token_id: tokens.bos,
      eos_token_id: eos.length > 1 ? eos : eos[0],
      pad_token_id: tokens.pad,
    },
    generationConfigFile: {
      bos_token_id: tokens.bos,
      eos_token_id: eos.length > 1 ? eos : eos[0],
      pad_token_id: tokens.pad,
    },
    kind: name,
    heads,
    keyValueHeads,
    joinsPairs: architecture.joinsPairs,
  };
}

function ropeScaling(file: GgufFile, name: string, theta: number, headDim: number): object | null {
  const { metadata, path, entries } = file;
  const key = `${name}.rope.scaling`;
  const type = metadata.string(`${key}.type`);
  const factor = metadata.number(`${key}.factor`) ?? metadata.number(`${name}.rope.scale_linear`) ?? 1;
  if (type !== undefined && type !== "none" && type !== "linear")
    throw new Error(
      `${path}: ${key}.type ${JSON.stringify(type)} is not supported, only linear and ${ROPE_FACTORS}`,
    );
  const linear = type !== "none" && factor !== 1;
  if (!entries.has(ROPE_FACTORS)) return linear ? { rope_type: "linear", factor } : null;
  if (linear) throw new Error(`${path}: ${ROPE_FACTORS} beside ${key}.factor ${factor} is not supported`);
  try {
    return scalingOfFactors(file.readFloat32(ROPE_FACTORS).data, theta, headDim) ?? null;
  } catch (cause) {
    throw new Error(`${path}: ${ROPE_FACTORS} ${(cause as Error).message}`, { cause });
  }
}

/** The ids of special tokens, null where there are none. */
function specialTokens({ metadata, path }: GgufFile): {
  bos: number | null;
  pad: number | null;
  eos: (number | null)[];
} {
  const tokens = metadata.strings("tokenizer.ggml.tokens") ?? [];
  const idOf = (name: string) => {
    const id = metadata.count(`tokenizer.ggml.${name}_token_id`);
    if (id !== undefined && id >= tokens.length)
      throw new Error(
        `${path}: tokenizer.ggml.${name}_token_id is ${id}, but there are ${tokens.length} tokens`,
      );
    return id ?? null;
  };
  const template = metadata.string("tokenizer.chat_template") ?? "";
  const written = TURN_ENDS.filter((token) => template.includes(token)).map((token) => tokens.indexOf(token));
  const ends = [idOf("eos"), idOf("eot"), idOf("eom"), ...written.filter((id) => id >= 0)].filter(
    (id) => id !== null,
  );
  return { bos: idOf("bos"), pad: idOf("padding"), eos: ends.length > 0 ? [...new Set(ends)] : [null] };
}
