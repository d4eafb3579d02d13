import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { copyFileWhole, writeFileWhole, writeJson } from "../../io";
import { type HostTensor, writeSafetensors } from "../../tensors";
import { scalesOutputs, type T5Config } from "../t5";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, INDEX_FILE, type T5Checkpoint, WEIGHTS_FILE } from "./read";

export interface WriteModelOptions {
  /** A directory whose tokenizer files are copied beside the model. */
  tokenizerFrom?: string;
  /** Weights above this many bytes are split into shards. Default: 2 GB. */
  maxShardBytes?: number;
}

/**
 * Writes a model directory that Hugging Face transformers and {@link readModelDirectory} open. Every file is written
 * whole or not at all; weights of an earlier model in the directory are removed after the new ones are complete.
 */
export function writeModelDirectory(
  directory: string,
  checkpoint: Omit<T5Checkpoint, "configFile"> & Partial<Pick<T5Checkpoint, "configFile">>,
  { tokenizerFrom, maxShardBytes = 2e9 }: WriteModelOptions = {},
): void {
  const { config, parameters } = checkpoint;
  const shards = splitIntoShards(parameters, maxShardBytes);
  const format = { format: "pt" };
  const fileOf = (shard: number) =>
    shards.length === 1
      ? WEIGHTS_FILE
      : `model-${numbered(shard + 1)}-of-${numbered(shards.length)}.safetensors`;
  shards.forEach((shard, i) => writeSafetensors(join(directory, fileOf(i)), shard, format));
  if (shards.length > 1) {
    const total_size = [...parameters.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    const places = shards.flatMap((shard, i) => [...shard.keys()].map((name) => [name, fileOf(i)]));
    writeJson(join(directory, INDEX_FILE), {
      metadata: { total_size },
      weight_map: Object.fromEntries(places),
    });
  }
  const written = new Set([...shards.map((_, i) => fileOf(i)), ...(shards.length > 1 ? [INDEX_FILE] : [])]);
  for (const name of readdirSync(directory)) {
    const isWeights = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/.test(name);
    if (isWeights && !written.has(name)) rmSync(join(directory, name));
  }
  writeConfigFile(join(directory, CONFIG_FILE), checkpoint.configFile ?? t5ConfigFile(config));
  writeJson(
    join(directory, GENERATION_CONFIG_FILE),
    checkpoint.generationConfigFile ?? generationConfigFile(config),
  );
  if (tokenizerFrom !== undefined) copyTokenizer(tokenizerFrom, directory);
}

/**
 * Writes a config.json. transformers 5 takes some fields as floats only and refuses 1 where 1.0 stood; JSON numbers in
 * JavaScript do not remember which it was.
 */
export function writeConfigFile(path: string, file: Readonly<Record<string, unknown>>): void {
  const whole = /^( {2}"(?:initializer_factor|layer_norm_epsilon)": -?\d+)(?=,?$)/gm;
  writeFileWhole(path, `${JSON.stringify(file, null, 2).replace(whole, "$1.0")}\n`);
}

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
export function generationConfigFile(config: T5Config): Record<string, unknown> {
  return {
    decoder_start_token_id: config.decoderStartTokenId,
    eos_token_id: config.eosTokenId,
    pad_token_id: config.padTokenId,
  };
}

const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "spiece.model",
];

/** Copies the tokenizer files that a directory has to another one; it must have tokenizer.json. */
export function copyTokenizer(from: string, to: string): void {
  if (!existsSync(join(from, "tokenizer.json"))) throw new Error(`${from}: no tokenizer.json to copy`);
  if (resolve(from) === resolve(to)) return;
  for (const name of TOKENIZER_FILES) {
    if (existsSync(join(from, name))) copyFileWhole(join(from, name), join(to, name));
  }
}

function splitIntoShards(
  parameters: ReadonlyMap<string, HostTensor<"float32">>,
  maxBytes: number,
): Map<string, HostTensor<"float32">>[] {
  const shards = [new Map<string, HostTensor<"float32">>()];
  let bytes = 0;
  for (const [name, tensor] of parameters) {
    if (bytes > 0 && bytes + tensor.data.byteLength > maxBytes) {
      shards.push(new Map());
      bytes = 0;
    }
    shards[shards.length - 1]!.set(name, tensor);
    bytes += tensor.data.byteLength;
  }
  return shards;
}

const numbered = (count: number) => String(count).padStart(5, "0");
