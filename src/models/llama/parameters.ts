import type { BlockPlace } from "../architecture";
import type { LlamaConfig } from "./config";

export const EMBEDDING_LAYER = "model.embed_tokens";
export const EMBEDDING = `${EMBEDDING_LAYER}.weight`;
export const HEAD = "lm_head.weight";
export const FINAL_NORM = "model.norm.weight";

/** `model.layers.3`: where a block keeps its parameters. */
export const blockPath = (block: number) => `model.layers.${block}`;

/** The linear layers of a block by module, as tables name them. */
const linearModules = {
  self_attn: ["q_proj", "k_proj", "v_proj", "o_proj"],
  mlp: ["gate_proj", "up_proj", "down_proj"],
} as const;

/** Names of all linear layers of a block, which are what LoRA's "all-linear" means. */
export const linearLayers: readonly string[] = Object.values(linearModules).flat();

/**
 * The shape of every parameter by its Hugging Face name; linear weights are [out, in]. A tied model has no `lm_head.weight` of
 * its own.
 */
export function parameterShapes(config: LlamaConfig): Record<string, number[]> {
  const { hiddenSize, intermediateSize, headDim, biases } = config;
  const [queries, keys] = [config.numHeads * headDim, config.numKeyValueHeads * headDim];
  const shapes: Record<string, number[]> = { [EMBEDDING]: [config.vocabSize, hiddenSize] };
  for (let block = 0; block < config.numLayers; block++) {
    const path = blockPath(block);
    const linear = (name: string, out: number, inputs: number, bias: boolean) => {
      shapes[`${path}.${name}.weight`] = [out, inputs];
      if (bias) shapes[`${path}.${name}.bias`] = [out];
    };
    shapes[`${path}.input_layernorm.weight`] = [hiddenSize];
    linear("self_attn.q_proj", queries, hiddenSize, biases.qkv);
    linear("self_attn.k_proj", keys, hiddenSize, biases.qkv);
    linear("self_attn.v_proj", keys, hiddenSize, biases.qkv);
    linear("self_attn.o_proj", hiddenSize, queries, biases.output);
    if (config.headNorms) {
      shapes[`${path}.self_attn.q_norm.weight`] = [headDim];
      shapes[`${path}.self_attn.k_norm.weight`] = [headDim];
    }
    shapes[`${path}.post_attention_layernorm.weight`] = [hiddenSize];
    linear("mlp.gate_proj", intermediateSize, hiddenSize, biases.feedForward);
    linear("mlp.up_proj", intermediateSize, hiddenSize, biases.feedForward);
    linear("mlp.down_proj", hiddenSize, intermediateSize, biases.feedForward);
  }
  shapes[FINAL_NORM] = [hiddenSize];
  if (!config.tieWordEmbeddings) shapes[HEAD] = [config.vocabSize, hiddenSize];
  return shapes;
}

/** Names that a checkpoint may hold beside these: the tied head, and the angles that old files repeat from the config. */
export function aliases(config: LlamaConfig): Record<string, string | undefined> {
  return {
    ...(config.tieWordEmbeddings ? { [HEAD]: EMBEDDING } : {}),
    "model.rotary_emb.inv_freq": undefined,
    ...Object.fromEntries(
      Array.from({ length: config.numLayers }, (_, block) => [
        `${blockPath(block)}.self_attn.rotary_emb.inv_freq`,
        undefined,
      ]),
    ),
  };
}

export function blockOf(name: string): BlockPlace | undefined {
  const found = /^model\.layers\.(\d+)\.(?:(self_attn|mlp)\.(\w+)_proj\.weight$)?/.exec(name);
  if (!found) return undefined;
  const [, block, module, layer] = found;
  return {
    stack: "layers",
    block: Number(block),
    ...(layer && { layer: { name: layer, sublayer: module === "self_attn" ? 0 : 1 } }),
  };
}

/** The linear layers that read the same x, by the name of the layer that they make together. */
export function packedLayers(config: LlamaConfig): Record<string, string[]> {
  return Object.fromEntries(
    Array.from({ length: config.numLayers }, (_, block) => {
      const of = (module: string, parts: string[]) =>
        parts.map((part) => `${blockPath(block)}.${module}.${part}_proj`);
      return [
        [`${blockPath(block)}.self_attn.qkv_proj`, of("self_attn", ["q", "k", "v"])],
        [`${blockPath(block)}.mlp.gate_up_proj`, of("mlp", ["gate", "up"])],
      ] as [string, string[]][];
    }).flat(),
  );
}

/** Whether generation multiplies with a parameter; a tied embedding is multiplied with, as the lm_head. */
export function isMultiplied({ tieWordEmbeddings }: LlamaConfig, name: string): boolean {
  return /_proj\.weight$/.test(name) || name === (tieWordEmbeddings ? EMBEDDING : HEAD);
}
