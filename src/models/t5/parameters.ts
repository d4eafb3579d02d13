import type { T5Config } from "./config";

export type Stack = "encoder" | "decoder";

/** The module names of one block's sub-layers, in their order. */
export const sublayers = {
  encoder: ["SelfAttention", "DenseReluDense"],
  decoder: ["SelfAttention", "EncDecAttention", "DenseReluDense"],
} as const;

/** `encoder.block.3.layer.0`: where the sub-layer `module` of a block keeps its parameters. */
export function sublayerPath<S extends Stack>(
  stack: S,
  block: number,
  module: (typeof sublayers)[S][number],
) {
  const position = (sublayers[stack] as readonly string[]).indexOf(module);
  return `${stack}.block.${block}.layer.${position}`;
}

/** The name of the position bias of a stack, [buckets, heads]; its first block keeps it for all. */
export const positionBiasName = (stack: Stack) =>
  `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;

/** The linear layers of the feed-forward: two inner ones when it is gated. */
export const innerLinears = (config: T5Config) => (config.feedForward === "relu" ? ["wi"] : ["wi_0", "wi_1"]);

/**
 * The shape of every parameter by its Hugging Face name; linear weights are [out, in]. A tied model has no
 * `lm_head.weight` of its own.
 */
export function parameterShapes(config: T5Config): Record<string, number[]> {
  const { vocabSize, dModel, dFf, numHeads } = config;
  const inner = numHeads * config.dKv;
  const shapes: Record<string, number[]> = { "shared.weight": [vocabSize, dModel] };
  const blocks = { encoder: config.numLayers, decoder: config.numDecoderLayers };
  for (const stack of ["encoder", "decoder"] as const) {
    for (let block = 0; block < blocks[stack]; block++) {
      sublayers[stack].forEach((module, position) => {
        const path = `${stack}.block.${block}.layer.${position}`;
        shapes[`${path}.layer_norm.weight`] = [dModel];
        if (module === "DenseReluDense") {
          for (const name of innerLinears(config)) shapes[`${path}.${module}.${name}.weight`] = [dFf, dModel];
          shapes[`${path}.${module}.wo.weight`] = [dModel, dFf];
        } else {
          for (const name of ["q", "k", "v"]) shapes[`${path}.${module}.${name}.weight`] = [inner, dModel];
          shapes[`${path}.${module}.o.weight`] = [dModel, inner];
        }
      });
    }
    shapes[positionBiasName(stack)] = [config.relativeAttentionNumBuckets, numHeads];
    shapes[`${stack}.final_layer_norm.weight`] = [dModel];
  }
  if (!config.tieWordEmbeddings) shapes["lm_head.weight"] = [vocabSize, dModel];
  return shapes;
}

/**
 * Names that a checkpoint may hold beside {@link parameterShapes}, with the parameter that they repeat: a loader checks
 * that the two are equal and keeps one. The cross-attention bias of some first T5 checkpoints was never used and
 * repeats nothing (`undefined`).
 */
export function aliases(config: T5Config): Record<string, string | undefined> {
  return {
    "encoder.embed_tokens.weight": "shared.weight",
    "decoder.embed_tokens.weight": "shared.weight",
    ...(config.tieWordEmbeddings ? { "lm_head.weight": "shared.weight" } : {}),
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": undefined,
  };
}

/** Whether a parameter is a table that is looked up in: the embedding, or a position bias. */
export function isTable(name: string): boolean {
  return /(^|\.)(shared|embed_tokens|relative_attention_bias)\.weight$/.test(name);
}
