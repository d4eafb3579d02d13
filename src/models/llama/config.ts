import { z } from "zod";
import { describeIssues } from "../../text";
import { parseRope, type Rope, ropeFields } from "./rotary";

/** Sizes that 32 bits hold, as those of tensors are. */
const count = z
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1);
const token = z.number().int();
const tokens = z.union([token, z.array(token)], "expected a token's id or a list of them");

/** More blocks than any model has, so that a wrong number is refused before all its parameters have names. */
const MOST_LAYERS = 1024;

/** What transformers takes for fields that a config.json leaves out. */
interface Defaults {
  readonly name: string;
  readonly className: string;
  readonly maxPositions: number;
  /** Heads of keys and values; all heads where it is undefined. */
  readonly keyValueHeads?: number;
  readonly headDim?: number;
  readonly bosTokenId?: number;
  readonly eosTokenId?: number;
}

/** What a window is where a file uses one without saying how long it is, and the first block of a Qwen that has one. */
const SLIDING_WINDOW = 4096;
const MAX_WINDOW_LAYERS = 28;

/** The kinds of models that are Llamas but for biases and norms, by `model_type`. */
export const llamaFamilies = {
  llama: { name: "Llama", className: "LlamaForCausalLM", maxPositions: 2048, bosTokenId: 1, eosTokenId: 2 },
  mistral: {
    name: "Mistral",
    className: "MistralForCausalLM",
    maxPositions: 131072,
    keyValueHeads: 8,
    bosTokenId: 1,
    eosTokenId: 2,
  },
  qwen2: { name: "Qwen2", className: "Qwen2ForCausalLM", maxPositions: 32768, keyValueHeads: 32 },
  qwen3: {
    name: "Qwen3",
    className: "Qwen3ForCausalLM",
    maxPositions: 32768,
    keyValueHeads: 32,
    headDim: 128,
  },
} as const satisfies Record<string, Defaults>;

export type LlamaFamily = keyof typeof llamaFamilies;

const fileSchema = z.object({
  architectures: z.array(z.string()).nullish(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(MOST_LAYERS),
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  hidden_act: z.string().default("silu"),
  max_position_embeddings: count.nullish(),
  initializer_range: z.number().nonnegative().default(0.02),
  rms_norm_eps: z.number().positive().lt(1).default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  attention_dropout: z.number().min(0).lt(1).default(0),
  sliding_window: count.nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.number().int().nonnegative().default(MAX_WINDOW_LAYERS),
  layer_types: z.array(z.string()).nullish(),
  rope_interleaved: z.boolean().nullish(),
  bos_token_id: token.nullish(),
  eos_token_id: tokens.nullish(),
  pad_token_id: token.nullish(),
  ...ropeFields,
});

/** The sizes and choices that make one Llama (Touvron et al., 2023), or one of its kin. */
export interface LlamaConfig {
  readonly family: LlamaFamily;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Heads of keys and values, each of which serves numHeads / numKeyValueHeads heads of queries (Ainslie et al., 2023). */
  readonly numKeyValueHeads: number;
  /** Width of one head; the heads together need not be as wide as the model. */
  readonly headDim: number;
  readonly maxPositions: number;
  readonly rmsNormEpsilon: number;
  readonly rope: Rope;
  /** Whether the embedding is the lm_head as well. */
  readonly tieWordEmbeddings: boolean;
  /** Which linear layers add a bias: queries, keys and values; attention's output; the feed-forward's three. */
  readonly biases: { readonly qkv: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** Whether each head of queries and keys has a norm, as in Qwen3. */
  readonly headNorms: boolean;
  /** Share of attention weights that are dropped in training. */
  readonly attentionDropout: number;
  readonly initializerRange: number;
  readonly bosTokenId?: number;
  /** Tokens that end a sequence, the first of which is taught. */
  readonly eosTokenIds: readonly number[];
  /** What fills up rows. Where the config has none it is the first end token, so it says nothing about where rows end. */
  readonly padTokenId: number;
}

/**
 * Reads the contents of a Hugging Face `config.json` (already parsed as JSON) of a Llama, Mistral, Qwen2 or Qwen3, with the
 * defaults of transformers for what it leaves out; the sizes must be there. Both layouts of the rotary fields are read:
 * `rope_theta` with `rope_scaling` of transformers 4, and `rope_parameters` of 5. `generation` is generation_config.json, whose
 * end tokens count before the config's.
 *
 * @throws {Error} that names the field: a window of attention, another activation, an unknown scaling of positions
 */
export function parseLlamaConfig(
  family: LlamaFamily,
  value: unknown,
  source = "config.json",
  generation?: Readonly<Record<string, unknown>>,
): LlamaConfig {
  const defaults: Defaults = llamaFamilies[family];
  const refuse = (what: string): never => {
    throw new Error(`${source}: ${what}`);
  };
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    if (hasNestedConfig(value))
      refuse("its sizes are in text_config: a model of texts and images, of which none is supported");
    const issues = describeIssues(parsed.error, value, Object.keys(fileSchema.shape));
    return refuse(`not a supported ${defaults.name} configuration: ${issues.join("; ")}`);
  }
  const file = parsed.data;
  if (file.architectures?.length && !file.architectures.some((name) => /ForCausalLM$/i.test(name))) {
    refuse(
      `architectures ${JSON.stringify(file.architectures)}: not a model that writes texts; take one of ${defaults.className}`,
    );
  }
  if (file.hidden_act !== "silu")
    refuse(`hidden_act ${JSON.stringify(file.hidden_act)} is not supported: silu is`);
  if (file.rope_interleaved)
    refuse("rope_interleaved is not supported: q and k must be in Hugging Face's order");
  const maxPositions = file.max_position_embeddings ?? defaults.maxPositions;
  refuseWindows(family, file, maxPositions, refuse);

  const numHeads = file.num_attention_heads;
  const { num_key_value_heads: keyValueHeads = defaults.keyValueHeads } = file;
  const numKeyValueHeads = keyValueHeads ?? numHeads;
  if (numHeads % numKeyValueHeads !== 0) {
    const given = file.num_key_value_heads === undefined ? ", transformers' where a file has none" : "";
    refuse(
      `num_attention_heads ${numHeads} is no multiple of num_key_value_heads ${numKeyValueHeads}${given}`,
    );
  }
  const headDim = file.head_dim ?? defaults.headDim ?? file.hidden_size / numHeads;
  if (headDim % 2 !== 0)
    refuse(`a head is ${headDim} wide (head_dim, else hidden_size / num_attention_heads): it must be even`);

  const isToken = (id: number) => id >= 0 && id < file.vocab_size;
  const requireToken = (id: number, field: string, where = "") => {
    if (isToken(id)) return;
    const those = `tokens are 0 to ${file.vocab_size - 1} (vocab_size)`;
    refuse(`${field} ${id}${where} is not a token: ${those}; where the model has none, set it to null`);
  };
  const taught = generationEos(generation, refuse);
  const { bos_token_id: bos = defaults.bosTokenId, eos_token_id: eos = defaults.eosTokenId } = file;
  const ends = taught ?? eos ?? [];
  const eosTokenIds = typeof ends === "number" ? [ends] : ends;
  for (const id of eosTokenIds)
    requireToken(id, "eos_token_id", taught === undefined ? "" : " of generation_config.json");
  if (bos != null) requireToken(bos, "bos_token_id");
  const pad = file.pad_token_id;
  return {
    family,
    vocabSize: file.vocab_size,
    hiddenSize: file.hidden_size,
    intermediateSize: file.intermediate_size,
    numLayers: file.num_hidden_layers,
    numHeads,
    numKeyValueHeads,
    headDim,
    maxPositions,
    rmsNormEpsilon: file.rms_norm_eps,
    rope: parseRope(file, maxPositions, refuse),
    tieWordEmbeddings: file.tie_word_embeddings,
    biases: biasesOf(family, file),
    headNorms: family === "qwen3",
    attentionDropout: file.attention_dropout,
    initializerRange: file.initializer_range,
    ...(bos != null && { bosTokenId: bos }),
    eosTokenIds,
    padTokenId: pad != null && isToken(pad) ? pad : (eosTokenIds[0] ?? 0),
  };
}

const hasNestedConfig = (value: unknown): boolean =>
  typeof (value as Record<string, unknown> | null)?.["text_config"] === "object";

/** The end tokens of generation_config.json, if it has any. */
function generationEos(
  generation: Readonly<Record<string, unknown>> | undefined,
  refuse: (what: string) => never,
): z.infer<typeof tokens> | undefined {
  const value = generation?.["eos_token_id"] ?? undefined;
  const parsed = tokens.optional().safeParse(value);
  if (!parsed.success)
    return refuse(
      `eos_token_id ${JSON.stringify(value)} of generation_config.json is no token's id nor a list of them`,
    );
  return Array.isArray(parsed.data) && parsed.data.length === 0 ? undefined : parsed.data;
}

function biasesOf(family: LlamaFamily, file: z.infer<typeof fileSchema>): LlamaConfig["biases"] {
  const attention = file.attention_bias ?? false;
  if (family === "qwen2") return { qkv: true, output: false, feedForward: false };
  if (family === "mistral") return { qkv: false, output: false, feedForward: false };
  const feedForward = family === "llama" && (file.mlp_bias ?? false);
  return { qkv: attention, output: attention, feedForward };
}

/**
 * Attention that looks at the last positions alone is not computed here; a window as long as the model's positions is none. A
 * Mistral has its window in every block, a Qwen that uses one in those that `layer_types` says, else from `max_window_layers` on.
 */
function refuseWindows(
  family: LlamaFamily,
  file: z.infer<typeof fileSchema>,
  maxPositions: number,
  refuse: (what: string) => never,
): void {
  const { layer_types: types, num_hidden_layers: layers } = file;
  if (types && types.length !== layers)
    refuse(`layer_types has ${types.length} entries for ${layers} blocks (num_hidden_layers)`);
  const other = types?.find((type) => type !== "full_attention" && type !== "sliding_attention");
  if (other !== undefined)
    refuse(`layer_types has ${JSON.stringify(other)}, which is not supported: full_attention is`);
  const { sliding_window: window = SLIDING_WINDOW } = file;
  const isQwen = family === "qwen2" || family === "qwen3";
  const inBlocks = types?.includes("sliding_attention") ?? layers > file.max_window_layers;
  const slides = family === "mistral" || (isQwen && file.use_sliding_window === true && inBlocks);
  if (slides && window !== null && window < maxPositions) {
    refuse(
      `sliding_window ${window} is shorter than max_position_embeddings ${maxPositions}: attention with a ` +
        `window is not supported. For texts shorter than the window set max_position_embeddings to ${window}`,
    );
  }
}

/** The configuration of a model that turns out to have an lm_head of its own. */
export const withOwnHead = (config: LlamaConfig): LlamaConfig => ({ ...config, tieWordEmbeddings: false });

/** config.json of a model that was not read from one, in the layout that transformers 4 and 5 read. */
export function llamaConfigFile(config: LlamaConfig): Record<string, unknown> {
  const { family, biases } = config;
  const [eos, ...others] = config.eosTokenIds;
  return {
    architectures: [llamaFamilies[family].className],
    model_type: family,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    num_key_value_heads: config.numKeyValueHeads,
    head_dim: config.headDim,
    hidden_act: "silu",
    max_position_embeddings: config.maxPositions,
    initializer_range: config.initializerRange,
    rms_norm_eps: config.rmsNormEpsilon,
    rope_theta: config.rope.theta,
    rope_scaling: config.rope.scaling ? ropeScalingFile(config.rope.scaling) : null,
    tie_word_embeddings: config.tieWordEmbeddings,
    ...((family === "llama" || family === "qwen3") && { attention_bias: biases.qkv }),
    ...(family === "llama" && { mlp_bias: biases.feedForward }),
    ...(family === "mistral" && { sliding_window: null }),
    attention_dropout: config.attentionDropout,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: others.length > 0 ? config.eosTokenIds : (eos ?? null),
    pad_token_id: config.padTokenId,
    use_cache: true,
  };
}

function ropeScalingFile(scaling: NonNullable<Rope["scaling"]>): Record<string, unknown> {
  if (scaling.type === "linear") return { rope_type: "linear", factor: scaling.factor };
  return {
    rope_type: "llama3",
    factor: scaling.factor,
    low_freq_factor: scaling.lowFrequencyFactor,
    high_freq_factor: scaling.highFrequencyFactor,
    original_max_position_embeddings: scaling.originalMaxPositions,
  };
}

/** generation_config.json of a model that was not read with one. */
export function llamaGenerationConfigFile(config: LlamaConfig): Record<string, unknown> {
  const { bos_token_id, eos_token_id, pad_token_id } = llamaConfigFile(config);
  return { bos_token_id, eos_token_id, pad_token_id };
}
