import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson } from "../../io";
import { type HostTensor, SafetensorsFile } from "../safetensors";
import { parameterShapes, parseT5Config, redundantParameters, type T5Config } from "../t5";

/** The files of a model directory in Hugging Face layout. */
export const CONFIG_FILE = "config.json";
export const GENERATION_CONFIG_FILE = "generation_config.json";
export const WEIGHTS_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** A T5 model as its directory holds it. */
export interface T5Checkpoint {
  readonly config: T5Config;
  /** Every parameter by its Hugging Face name, with the shapes of `parameterShapes(config)`. */
  readonly parameters: ReadonlyMap<string, HostTensor<"float32">>;
  /** config.json and generation_config.json as they were read, so that writing them again loses nothing. */
  readonly configFile: Readonly<Record<string, unknown>>;
  readonly generationConfigFile?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a model directory in Hugging Face layout: config.json, generation_config.json if there, and the weights from
 * model.safetensors or from the shards that model.safetensors.index.json lists. 16-bit weights become float32. Names
 * that repeat another parameter (tied embeddings) are checked and left out. A missing, extra, misshapen, repeated or
 * non-finite tensor is an Error that names file and tensor; pickled weights are refused.
 */
export function readModelDirectory(directory: string): T5Checkpoint {
  const configPath = join(directory, CONFIG_FILE);
  const configFile = readObject(configPath);
  const config = parseT5Config(configFile, configPath);
  const generationPath = join(directory, GENERATION_CONFIG_FILE);
  const files = openWeights(directory);
  try {
    return {
      config,
      parameters: collectParameters(directory, config, files),
      configFile,
      ...(existsSync(generationPath) ? { generationConfigFile: readObject(generationPath) } : {}),
    };
  } finally {
    for (const file of new Set(files.values())) file.close();
  }
}

/** Whether a directory has the files that {@link readModelDirectory} needs, whatever is in them. */
export function isModelDirectory(directory: string): boolean {
  const has = (name: string) => existsSync(join(directory, name));
  return has(CONFIG_FILE) && (has(WEIGHTS_FILE) || has(INDEX_FILE));
}

function readObject(path: string): Record<string, unknown> {
  const parsed = z.record(z.string(), z.unknown()).safeParse(readJson(path));
  if (!parsed.success) throw new Error(`${path}: not a JSON object`);
  return parsed.data;
}

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** The file of each tensor, as an index of shards says. Throws unless every file is one beside the index. */
export function readWeightMap(indexPath: string): Map<string, string> {
  const parsed = indexSchema.safeParse(readJson(indexPath));
  if (!parsed.success) throw new Error(`${indexPath}: not an index: ${z.prettifyError(parsed.error)}`);
  const weightMap = new Map(Object.entries(parsed.data.weight_map));
  const elsewhere = [...weightMap.values()].find((shard) => !/^[^/\\]+\.safetensors$/.test(shard));
  if (elsewhere === undefined) return weightMap;
  throw new Error(`${indexPath}: ${JSON.stringify(elsewhere)} is not the name of a shard beside it`);
}

/** The open file of each tensor of a directory. */
function openWeights(directory: string): Map<string, SafetensorsFile> {
  const single = join(directory, WEIGHTS_FILE);
  if (existsSync(single)) {
    const file = new SafetensorsFile(single);
    return new Map([...file.entries.keys()].map((name) => [name, file]));
  }
  const indexPath = join(directory, INDEX_FILE);
  if (!existsSync(indexPath)) throw new Error(missingWeights(directory));
  const weightMap = readWeightMap(indexPath);
  const open = new Map<string, SafetensorsFile>();
  try {
    for (const shard of new Set(weightMap.values())) {
      open.set(shard, new SafetensorsFile(join(directory, shard)));
    }
    for (const [shard, file] of open) {
      for (const name of file.entries.keys()) {
        if (weightMap.get(name) !== shard) {
          throw new Error(`${file.path}: holds tensor ${name}, which ${indexPath} does not place there`);
        }
      }
    }
    return new Map(
      [...weightMap].map(([name, shard]) => {
        const file = open.get(shard)!;
        if (!file.entries.has(name)) throw new Error(`${indexPath}: tensor ${name} is not in ${shard}`);
        return [name, file];
      }),
    );
  } catch (error) {
    for (const file of open.values()) file.close();
    throw error;
  }
}

function missingWeights(directory: string): string {
  const pickle =
    existsSync(directory) && readdirSync(directory).find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  if (!pickle) return `${directory}: no ${WEIGHTS_FILE} and no ${INDEX_FILE}`;
  return (
    `${directory}: ${pickle} is a Python pickle, which can run code when read, and is not read here. Convert it once ` +
    `where Python and transformers are: python -c "from transformers import T5ForConditionalGeneration as T5; ` +
    `T5.from_pretrained('${directory}').save_pretrained('${directory}', safe_serialization=True)"`
  );
}

function collectParameters(
  directory: string,
  config: T5Config,
  files: ReadonlyMap<string, SafetensorsFile>,
): Map<string, HostTensor<"float32">> {
  const expected = new Map(Object.entries(parameterShapes(config)));
  const redundant = new Map(Object.entries(redundantParameters(config)));
  const extra = [...files.keys()].filter((name) => !expected.has(name) && !redundant.has(name));
  if (extra.length > 0) throw new Error(`${directory}: not in a T5 of this config.json: ${listed(extra)}`);

  /** Where a parameter lies: under its own name, or only under one that repeats it. */
  const storedName = (name: string) =>
    files.has(name)
      ? name
      : [...redundant].find(([alias, original]) => original === name && files.has(alias))?.[0];
  const missing = [...expected.keys()].filter((name) => storedName(name) === undefined);
  if (missing.length > 0) throw new Error(`${directory}: missing tensors: ${listed(missing)}`);

  const parameters = new Map<string, HostTensor<"float32">>();
  for (const [name, shape] of expected) {
    const stored = storedName(name)!;
    parameters.set(name, readParameter(files.get(stored)!, stored, shape));
  }
  for (const [alias, original] of redundant) {
    const file = files.get(alias);
    if (!file || original === undefined || storedName(original) === alias) continue;
    const parameter = parameters.get(original)!;
    if (!sameValues(readParameter(file, alias, parameter.shape).data, parameter.data)) {
      throw new Error(`${file.path}: tensor ${alias} differs from ${original}, which a T5 uses in its place`);
    }
  }
  return parameters;
}

function readParameter(file: SafetensorsFile, name: string, shape: readonly number[]): HostTensor<"float32"> {
  const found = file.entries.get(name)!.shape;
  if (found.join() !== shape.join()) {
    throw new Error(
      `${file.path}: tensor ${name} has shape [${found.join(", ")}], not [${shape.join(", ")}]`,
    );
  }
  const tensor = file.readFloat32(name);
  let sum = 0;
  for (let i = 0; i < tensor.data.length; i++) sum += 0 * tensor.data[i]!;
  if (sum !== 0) throw new Error(`${file.path}: tensor ${name} holds values that are not finite numbers`);
  return tensor;
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  const bytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return bytes(a).equals(bytes(b));
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
