import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { copyFileWhole, writeFileWhole, writeJson } from "../../io";
import { type HostTensor, writeSafetensors } from "../../tensors";
import type { ConfigFiles, Model } from "../architecture";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE } from "./read";

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
  model: Pick<Model, "architecture" | "config"> &
    Partial<ConfigFiles> & { readonly parameters: ReadonlyMap<string, HostTensor<"float32">> },
  { tokenizerFrom, maxShardBytes = 2e9 }: WriteModelOptions = {},
): void {
  const { parameters } = model;
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
  const { configFile, generationConfigFile } = configFiles(model);
  writeConfigFile(join(directory, CONFIG_FILE), configFile);
  writeJson(join(directory, GENERATION_CONFIG_FILE), generationConfigFile);
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

/** The two config files of a model: as they were read, else made from its config. */
export function configFiles({
  architecture,
  config,
  configFile = architecture.configFile(config),
  generationConfigFile = architecture.generationConfigFile(config),
}: Pick<Model, "architecture" | "config"> & Partial<ConfigFiles>): Required<ConfigFiles> {
  return { configFile, generationConfigFile };
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
