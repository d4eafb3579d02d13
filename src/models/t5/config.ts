import { z } from "zod";
import { describeIssues } from "../../text";

/** Sizes that 32 bits hold, as those of tensors are. */
const count = z
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1);
/** More blocks than any model has, so that a wrong number is refused before all its parameters have names. */
const layers = count.max(1024);

const fileSchema = z.object({
  model_type: z.literal("t5").nullish(),
  vocab_size: count,
  d_model: count,
  d_kv: count,
  d_ff: count,
  num_layers: layers,
  num_decoder_layers: layers.nullish(),
  num_heads: count,
  relative_attention_num_buckets: count.default(32),
  relative_attention_max_distance: count.default(128),
  dropout_rate: z.number().min(0).lt(1).default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  feed_forward_proj: z.enum(["relu", "gated-gelu"]).default("relu"),
  tie_word_embeddings: z.boolean().default(true),
  scale_decoder_outputs: z.boolean().nullish(),
  decoder_start_token_id: z.number().int().nonnegative().nullish(),
  pad_token_id: z.number().int().nonnegative().default(0),
  eos_token_id: z.number().int().nonnegative().default(1),
});

/** The sizes and choices that make one T5 (Raffel et al., 2020; v1.1 and FLAN: gated GELU, untied lm_head). */
export interface T5Config {
  vocabSize: number;
  dModel: number;
  /** Width of one attention head; the heads together need not be as wide as the model. */
  dKv: number;
  dFf: number;
  numLayers: number;
  numDecoderLayers: number;
  numHeads: number;
  relativeAttentionNumBuckets: number;
  relativeAttentionMaxDistance: number;
  dropoutRate: number;
  layerNormEpsilon: number;
  feedForward: "relu" | "gated-gelu";
  /** Whether the embedding is the lm_head as well. */
  tieWordEmbeddings: boolean;
  /**
   * Whether what goes into the lm_head is divided by √dModel. Left out where it is so just if the model is tied, as all
   * files meant before transformers 5; see {@link scalesOutputs}.
   */
  scaleDecoderOutputs?: boolean;
  decoderStartTokenId: number;
  padTokenId: number;
  eosTokenId: number;
}

/**
 * Reads the contents of a Hugging Face T5 `config.json` (already parsed as JSON), with the defaults of transformers'
 * `T5Config` for what it leaves out. `source` names the file in errors. Files of transformers 5 call every model tied, so
 * only the weights tell whether it is: see {@link withOwnHead}.
 */
export function parseT5Config(value: unknown, source = "config.json"): T5Config {
  const { model_type: type } = (value ?? {}) as { model_type?: unknown };
  if (typeof type === "string" && type !== "t5")
    throw new Error(`${source}: a model of another kind, not a T5 (model_type ${JSON.stringify(type)})`);
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const issues = describeIssues(parsed.error, value, Object.keys(fileSchema.shape));
    throw new Error(`${source}: not a supported T5 configuration: ${issues.join("; ")}`);
  }
  const file = parsed.data;
  for (const field of ["pad_token_id", "eos_token_id", "decoder_start_token_id"] as const) {
    const id = file[field] ?? 0;
    if (id < file.vocab_size) continue;
    throw new Error(
      `${source}: ${field} ${id} is not a token: tokens are 0 to ${file.vocab_size - 1} (vocab_size)`,
    );
  }
  return {
    vocabSize: file.vocab_size,
    dModel: file.d_model,
    dKv: file.d_kv,
    dFf: file.d_ff,
    numLayers: file.num_layers,
    numDecoderLayers: file.num_decoder_layers ?? file.num_layers,
    numHeads: file.num_heads,
    relativeAttentionNumBuckets: file.relative_attention_num_buckets,
    relativeAttentionMaxDistance: file.relative_attention_max_distance,
    dropoutRate: file.dropout_rate,
    layerNormEpsilon: file.layer_norm_epsilon,
    feedForward: file.feed_forward_proj,
    ...outputLayer(file.tie_word_embeddings, file.scale_decoder_outputs ?? file.tie_word_embeddings),
    decoderStartTokenId: file.decoder_start_token_id ?? file.pad_token_id,
    padTokenId: file.pad_token_id,
    eosTokenId: file.eos_token_id,
  };
}

/** Whether the outputs of the decoder are divided by √dModel before the lm_head. */
export const scalesOutputs = (config: T5Config): boolean =>
  config.scaleDecoderOutputs ?? config.tieWordEmbeddings;

/** The configuration of a model that turns out to have an lm_head of its own; its outputs are scaled as before. */
export function withOwnHead({ scaleDecoderOutputs, ...config }: T5Config): T5Config {
  return { ...config, ...outputLayer(false, scaleDecoderOutputs ?? config.tieWordEmbeddings) };
}

const outputLayer = (tieWordEmbeddings: boolean, scaleDecoderOutputs: boolean) =>
  scaleDecoderOutputs === tieWordEmbeddings
    ? { tieWordEmbeddings }
    : { tieWordEmbeddings, scaleDecoderOutputs };

/** config.json of a model that was not read from one. */
export function t5ConfigFile(config: T5Config): Record<string, unknown> {
  return {
    architectures: ["T5ForConditionalGeneration"],
    model_type: "t5",
    is_encoder_decoder: true,
    vocab_size: config.vocabSize,
    d_model: config.dModel,
    d_kv: config.dKv,
    d_ff: config.dFf,
    num_layers: config.numLayers,
    num_decoder_layers: config.numDecoderLayers,
    num_heads: config.numHeads,
    relative_attention_num_buckets: config.relativeAttentionNumBuckets,
    relative_attention_max_distance: config.relativeAttentionMaxDistance,
    dropout_rate: config.dropoutRate,
    layer_norm_epsilon: config.layerNormEpsilon,
    feed_forward_proj: config.feedForward,
    tie_word_embeddings: config.tieWordEmbeddings,
    scale_decoder_outputs: scalesOutputs(config),
    decoder_start_token_id: config.decoderStartTokenId,
    pad_token_id: config.padTokenId,
    eos_token_id: config.eosTokenId,
    use_cache: true,
  };
}

/** generation_config.json of a model that was not read with one. */
export function t5GenerationConfigFile(config: T5Config): Record<string, unknown> {
  return {
    decoder_start_token_id: config.decoderStartTokenId,
    eos_token_id: config.eosTokenId,
    pad_token_id: config.padTokenId,
  };
}
