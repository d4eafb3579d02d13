import { needParameter, type ParameterSource, type T5Config } from "../../models";
import type { LlamaConfig } from "../../models/llama";
import { float32Tensor } from "../../tensors";
import type { ParameterMap } from "../../training";

/** A Llama with the sizes of a T5's decoder, and as many blocks. */
export function llamaConfigFromT5(
  config: T5Config,
  own: Pick<LlamaConfig, "maxPositions" | "rope" | "eosTokenIds" | "initializerRange">,
): LlamaConfig {
  if (config.feedForward !== "gated-gelu")
    throw new Error(
      `a Llama cannot go on from this T5: its feed-forward is ${config.feedForward}, where a gated one is needed`,
    );
  return {
    family: "llama",
    vocabSize: config.vocabSize,
    hiddenSize: config.dModel,
    intermediateSize: config.dFf,
    numLayers: config.numDecoderLayers,
    numHeads: config.numHeads,
    numKeyValueHeads: config.numHeads,
    headDim: config.dKv,
    rmsNormEpsilon: config.layerNormEpsilon,
    tieWordEmbeddings: config.tieWordEmbeddings,
    biases: { qkv: false, output: false, feedForward: false },
    headNorms: false,
    attentionDropout: 0,
    padTokenId: config.padTokenId,
    ...own,
  };
}

/**
 * The decoder of a T5 as the first weights of a Llama. Its blocks are nearly those of a Llama: gated feed-forwards (with GELU for
 * SiLU) and norms without a mean, before each sub-layer. T5 does not divide the products of queries and keys by √headDim, so queries
 * are multiplied by it. Lost are what read the encoder, and the position biases, for which a Llama turns queries and keys: both have
 * to be made up for by training.
 */
export function llamaFromT5(
  { numDecoderLayers, dKv, tieWordEmbeddings }: T5Config,
  parameters: ParameterSource,
): ParameterMap {
  const taken: ParameterMap = new Map();
  const take = (name: string, from: string, factor = 1) => {
    const { shape, data } = needParameter(parameters, from);
    taken.set(
      name,
      float32Tensor(
        shape,
        data.map((value) => value * factor),
      ),
    );
  };
  take("model.embed_tokens.weight", "shared.weight");
  for (let block = 0; block < numDecoderLayers; block++) {
    const [from, to] = [`decoder.block.${block}.layer`, `model.layers.${block}`];
    take(`${to}.input_layernorm.weight`, `${from}.0.layer_norm.weight`);
    take(`${to}.self_attn.q_proj.weight`, `${from}.0.SelfAttention.q.weight`, Math.sqrt(dKv));
    for (const part of ["k", "v", "o"])
      take(`${to}.self_attn.${part}_proj.weight`, `${from}.0.SelfAttention.${part}.weight`);
    take(`${to}.post_attention_layernorm.weight`, `${from}.2.layer_norm.weight`);
    take(`${to}.mlp.gate_proj.weight`, `${from}.2.DenseReluDense.wi_0.weight`);
    take(`${to}.mlp.up_proj.weight`, `${from}.2.DenseReluDense.wi_1.weight`);
    take(`${to}.mlp.down_proj.weight`, `${from}.2.DenseReluDense.wo.weight`);
  }
  take("model.norm.weight", "decoder.final_layer_norm.weight");
  if (!tieWordEmbeddings) take("lm_head.weight", "lm_head.weight");
  return taken;
}
