import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { copyFileWhole, writeFilesWhole, writeFileWhole, writeJson } from "../../io";
import {
  bytesPerElement,
  elementCount,
  type HostTensor,
  safetensorsPieces,
  type TensorHead,
  toBfloat16Bits,
  toFloat16Bits,
} from "../../tensors";
import type { ConfigFiles, Model } from "../architecture";
import { needParameter } from "../layers";
import type { TokenizerFiles } from "../tokenizer";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE } from "./read";

export interface WriteModelOptions {
  /** A directory whose tokenizer files are copied beside the model, or the files themselves. */
  tokenizerFrom?: string | TokenizerFiles;
  /**
   * Weights above this many bytes are split into shards.
   * @default 2e9
   */
  maxShardBytes?: number;
  /**
   * How weights are stored, rounded to the nearest; a value that this cannot hold is an error.
   * @default "float32"
   */
  dtype?: "float32" | "float16" | "bfloat16";
}

/**
 * Writes a model directory that Hugging Face transformers and {@link openModelDirectory} open. Parameters are asked
 * for one after the other, each once, so that no more than one is in memory. Every file is written whole or not at all, and
 * so are all weights together; those of an earlier model in the directory, which may be the one that is read, are removed after
 * the new ones are complete.
 */
export function writeModelDirectory(
  directory: string,
  model: Model & Partial<ConfigFiles>,
  { tokenizerFrom, maxShardBytes = 2e9, dtype = "float32" }: WriteModelOptions = {},
): void {
  const { architecture, config, parameters } = model;
  const shards = splitIntoShards(architecture.parameterShapes(config), dtype, maxShardBytes);
  const fileOf = (shard: number) =>
    shards.length === 1
      ? WEIGHTS_FILE
      : `model-${numbered(shard + 1)}-of-${numbered(shards.length)}.safetensors`;
  const read = (name: string) => storedAs(dtype, name, needParameter(parameters, name));
  writeFilesWhole(
    shards.map((shard, i) => {
      const path = join(directory, fileOf(i));
      return [path, safetensorsPieces(path, shard, read, { format: "pt" })];
    }),
  );
  if (shards.length > 1) {
    const heads = shards.flatMap((shard) => [...shard.values()]);
    const places = shards.flatMap((shard, i) => [...shard.keys()].map((name) => [name, fileOf(i)] as const));
    writeJson(join(directory, INDEX_FILE), {
      metadata: { total_size: heads.reduce((sum, head) => sum + bytesOf(head), 0) },
      weight_map: Object.fromEntries(places),
    });
  }
  const written = new Set([...shards.map((_, i) => fileOf(i)), ...(shards.length > 1 ? [INDEX_FILE] : [])]);
  removeOtherWeights(directory, written);
  const { configFile, generationConfigFile } = configFiles(model);
  const named = ["dtype", "torch_dtype"].filter((field) => field in configFile);
  const stored = Object.fromEntries(named.map((field) => [field, dtype]));
  writeConfigFile(join(directory, CONFIG_FILE), { ...configFile, ...stored });
  writeJson(join(directory, GENERATION_CONFIG_FILE), generationConfigFile);
  if (tokenizerFrom !== undefined) copyTokenizer(tokenizerFrom, directory);
}

/** Removes the weights of an earlier model: all but the files `written`. */
export function removeOtherWeights(directory: string, written: ReadonlySet<string>): void {
  for (const name of readdirSync(directory)) {
    const isWeights = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/.test(name);
    if (isWeights && !written.has(name)) rmSync(join(directory, name));
  }
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
  "chat_template.jinja",
];

/**
 * Writes a tokenizer's files into a directory: those of another directory, which must have tokenizer.json, or those of a model
 * that brought its tokenizer in its own file.
 */
export function copyTokenizer(from: string | TokenizerFiles, to: string): void {
  if (typeof from !== "string") {
    writeJson(join(to, "tokenizer.json"), from.tokenizer);
    writeJson(join(to, "tokenizer_config.json"), from.config);
    return;
  }
  if (!existsSync(join(from, "tokenizer.json"))) throw new Error(`${from}: no tokenizer.json to copy`);
  if (resolve(from) === resolve(to)) return;
  for (const name of TOKENIZER_FILES) {
    if (existsSync(join(from, name))) copyFileWhole(join(from, name), join(to, name));
  }
}

/** A parameter as it is stored. */
function storedAs(
  dtype: NonNullable<WriteModelOptions["dtype"]>,
  name: string,
  tensor: HostTensor<"float32">,
): HostTensor {
  if (dtype === "float32") return tensor;
  const { shape, data } = tensor;
  const bits = dtype === "float16" ? toFloat16Bits(data) : toBfloat16Bits(data);
  const infinite = dtype === "float16" ? 0x7c00 : 0x7f80;
  const at = bits.findIndex((pattern) => (pattern & infinite) === infinite);
  if (at >= 0)
    throw new Error(`${name} holds ${data[at]}, which ${dtype} cannot: write the model in float32`);
  return { dtype, shape, data: bits };
}

function splitIntoShards(
  shapes: Readonly<Record<string, readonly number[]>>,
  dtype: NonNullable<WriteModelOptions["dtype"]>,
  maxBytes: number,
): Map<string, TensorHead>[] {
  const shards = [new Map<string, TensorHead>()];
  let bytes = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const head = { dtype, shape } as const;
    if (bytes > 0 && bytes + bytesOf(head) > maxBytes) {
      shards.push(new Map());
      bytes = 0;
    }
    shards[shards.length - 1]!.set(name, head);
    bytes += bytesOf(head);
  }
  return shards;
}

const bytesOf = ({ dtype, shape }: TensorHead) => bytesPerElement(dtype) * elementCount(shape);

const numbered = (count: number) => String(count).padStart(5, "0");
