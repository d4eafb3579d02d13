/** Parts of a layer's names: GGUF's, and Hugging Face's. */
const LAYER_PARTS: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

const WHOLE_NAMES: Readonly<Record<string, string>> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
};

const reversed = (names: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(names).map(([a, b]) => [b, a]));
const GGUF_PARTS = reversed(LAYER_PARTS);
const GGUF_NAMES = reversed(WHOLE_NAMES);

/** The Hugging Face name of a tensor of a GGUF file, if it is one of a Llama's or Qwen's parameters. */
export function parameterName(tensor: string): string | undefined {
  if (Object.hasOwn(WHOLE_NAMES, tensor)) return WHOLE_NAMES[tensor];
  const [, layer, part = "", kind] = /^blk\.(0|[1-9]\d*)\.(\w+)\.(weight|bias)$/.exec(tensor) ?? [];
  if (!Object.hasOwn(LAYER_PARTS, part)) return undefined;
  return `model.layers.${layer}.${LAYER_PARTS[part]}.${kind}`;
}

/** The name that a parameter has in a GGUF file; undefined for what no such file holds. */
export function tensorName(parameter: string): string | undefined {
  if (Object.hasOwn(GGUF_NAMES, parameter)) return GGUF_NAMES[parameter];
  const [, layer, part = "", kind] =
    /^model\.layers\.(0|[1-9]\d*)\.([\w.]+)\.(weight|bias)$/.exec(parameter) ?? [];
  return Object.hasOwn(GGUF_PARTS, part) ? `blk.${layer}.${GGUF_PARTS[part]}.${kind}` : undefined;
}

/** Whether a parameter's rows are those of q or k, which GGUF files of Llamas keep with their rotary pairs joined. */
export function rotaryPart(parameter: string): "q" | "k" | undefined {
  return /\.self_attn\.([qk])_proj\.(?:weight|bias)$/.exec(parameter)?.[1] as "q" | "k" | undefined;
}
