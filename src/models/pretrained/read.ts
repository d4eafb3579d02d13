import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { StoredTensor } from "../../engine";
import { contentsOf, readJson } from "../../io";
import {
  countNonFinite,
  elementCount,
  type HostTensor,
  isFloat,
  refuseNonFinite,
  SafetensorsFile,
  toFloat32,
} from "../../tensors";
import type { Architecture, ModelConfig } from "../architecture";
import { architectureOf } from "../architectures";
import { type PackedWeight, requireShapes, takePackedWeights, withoutQuantization } from "./bitsandbytes";
import type { LoadedCheckpoint, OpenCheckpoint } from "./checkpoint";
import { FROM_ONE_PLACE, listed, requireShape } from "./shapes";

/** The files of a model directory in Hugging Face layout. */
export const CONFIG_FILE = "config.json";
export const GENERATION_CONFIG_FILE = "generation_config.json";
export const WEIGHTS_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** How many elements of two tensors are compared at a time. */
const COMPARED_ELEMENTS = 1 << 18;

/**
 * Opens a model directory in Hugging Face layout: config.json, generation_config.json if there, and the weights in
 * model.safetensors or in the shards that model.safetensors.index.json lists. Missing, extra, misshapen and repeated
 * tensors are an Error that names file and tensor at once, those that are not finite or that differ from one they should
 * repeat (embeddings of encoder and decoder) when they are read. A model that config.json calls tied is not if the weights
 * hold an lm_head that differs from the embedding, as those that transformers 5 saves. 16-bit weights become float32 when they
 * are read. Pickled weights are refused.
 *
 * Each parameter is read and checked whenever it is asked for, so that nothing is computed from one that is not. Files that take
 * the place of these are not looked at, those that are written over are an error of the next read. Who opens closes; what is
 * forgotten is closed when its memory is reclaimed.
 *
 * @param kindOf what kind of model a config.json is of
 */
export function openModelDirectory(directory: string, kindOf = architectureOf): OpenCheckpoint {
  const configPath = join(directory, CONFIG_FILE);
  if (!existsSync(configPath)) throw new Error(`${configPath}: no such file${insteadOfModel(directory)}`);
  const configFile = readObject(configPath);
  const architecture = kindOf(configFile, configPath);
  const generationPath = join(directory, GENERATION_CONFIG_FILE);
  const generationConfigFile = existsSync(generationPath) ? readObject(generationPath) : undefined;
  const parsedConfig = architecture.parseConfig(configFile, configPath, generationConfigFile);
  const files = openWeights(directory);
  const open = new Set(files.values());
  const close = () => {
    for (const file of open) file.close();
  };
  try {
    const packed = takePackedWeights(configFile, configPath, files);
    const config = hasOwnHead(architecture, parsedConfig, files)
      ? architecture.tying!.untie(parsedConfig)
      : parsedConfig;
    const stored = findParameters(directory, architecture, config, files, packed);
    const get = (name: string) => {
      const weight = packed.get(name);
      if (weight) return weight.values();
      const places = stored.get(name);
      return places && readParameter(places, name, architecture);
    };
    const locate = (name: string) => {
      const places = stored.get(name);
      return places && locateParameter(places, name, architecture);
    };
    return {
      architecture,
      config,
      configFile: withoutQuantization(configFile),
      ...(generationConfigFile && { generationConfigFile }),
      parameters: { get, locate, rounded: (name) => packed.get(name)?.rounded() },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Reads a model directory whole; see {@link openModelDirectory}. */
export function readModelDirectory(directory: string): LoadedCheckpoint {
  const { close, parameters, ...rest } = openModelDirectory(directory);
  try {
    const names = Object.keys(rest.architecture.parameterShapes(rest.config));
    return { ...rest, parameters: new Map(names.map((name) => [name, parameters.get(name)!])) };
  } finally {
    close();
  }
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
    const shards = [...new Set(weightMap.values())];
    const absent = shards.filter((shard) => !existsSync(join(directory, shard)));
    if (absent.length > 0) {
      throw new Error(
        `${indexPath}: ${absent.length} of ${shards.length} shards are missing beside it: ${listed(absent)}; ` +
          `copy or download them too`,
      );
    }
    for (const shard of shards) open.set(shard, new SafetensorsFile(join(directory, shard)));
    for (const [shard, file] of open) {
      for (const name of file.entries.keys()) {
        if (weightMap.get(name) === shard) continue;
        const other = weightMap.get(name);
        const twice = other !== undefined && open.get(other)!.entries.has(name);
        throw new Error(
          `${file.path}: holds tensor ${name}, which ${indexPath} does not place there` +
            (twice ? ` but in ${other}, which holds it too; the shards are of different models` : ""),
        );
      }
    }
    return new Map(
      [...weightMap].map(([name, shard]) => {
        const file = open.get(shard)!;
        if (!file.entries.has(name)) {
          const what = `${indexPath}: tensor ${name} is not in ${shard}, where the index places it`;
          throw new Error(`${what}; index and shards are of different models: copy or download them again`);
        }
        return [name, file];
      }),
    );
  } catch (error) {
    for (const file of open.values()) file.close();
    throw error;
  }
}

/** What a folder without a config.json is, and what to name in its place. */
function insteadOfModel(directory: string): string {
  const adapter = join(directory, "adapter_config.json");
  if (existsSync(adapter)) {
    const base = readObject(adapter)["base_model_name_or_path"];
    const named = typeof base === "string" ? ` (${JSON.stringify(base)})` : "";
    return `: this folder is an adapter, not a model; name the folder of its base model${named}, and give the adapter to npm run evaluate`;
  }
  const needed = `a model's folder has ${CONFIG_FILE}, ${WEIGHTS_FILE} and tokenizer.json`;
  return `: ${contentsOf(directory)}; ${needed}, as a repository of the Hugging Face hub does, whose files are downloaded into one folder`;
}

function missingWeights(directory: string): string {
  const names = readdirSync(directory);
  const pickle = names.find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  if (!pickle) {
    const shard = names.find((name) => name.endsWith(".safetensors"));
    const gguf = names.find((name) => name.endsWith(".gguf"));
    const other = names.find((name) => /\.(ggml|h5|msgpack|onnx|tflite)$/.test(name) || name === "onnx");
    const hint = shard
      ? `; ${shard} needs ${INDEX_FILE} or the name ${WEIGHTS_FILE}`
      : gguf
        ? `; name ${gguf} itself as the model`
        : `; ${other ? `${other} is not read: ` : ""}take the model's safetensors files`;
    return `${directory}: no ${WEIGHTS_FILE} and no ${INDEX_FILE}${hint}`;
  }
  return (
    `${directory}: ${pickle} is a Python pickle, which can run code when read, and is not read here. Convert it once ` +
    `where Python and transformers are: python -c "import transformers, json; c = json.load(open('${directory}/config.json')); ` +
    `getattr(transformers, c['architectures'][0]).from_pretrained('${directory}').save_pretrained('${directory}', safe_serialization=True)"`
  );
}

/** A tensor of an open file. */
interface Place {
  readonly file: SafetensorsFile;
  readonly name: string;
}

/** Where each parameter lies: in the first of its places; the others repeat it. */
function findParameters(
  directory: string,
  architecture: Architecture,
  config: ModelConfig,
  files: ReadonlyMap<string, SafetensorsFile>,
  packed: ReadonlyMap<string, PackedWeight>,
): Map<string, Place[]> {
  const expected = new Map(Object.entries(architecture.parameterShapes(config)));
  requireShapes(packed, expected);
  for (const name of packed.keys()) expected.delete(name);
  const redundant = new Map(Object.entries(architecture.aliases(config)));
  const extra = [...files.keys()].filter((name) => !expected.has(name) && !redundant.has(name));
  if (extra.length > 0)
    throw new Error(
      `${directory}: not in a ${architecture.name} of this config.json: ${listed(extra)}; ${otherModel(extra)}`,
    );
  const placesOf = (parameter: string): Place[] => {
    const aliases = [...redundant].filter(([, original]) => original === parameter).map(([alias]) => alias);
    return [parameter, ...aliases].flatMap((name) => {
      const file = files.get(name);
      return file ? [{ file, name }] : [];
    });
  };
  const stored = new Map([...expected.keys()].map((name) => [name, placesOf(name)]));
  const missing = [...stored].filter(([, places]) => places.length === 0).map(([name]) => name);
  if (missing.length > 0) {
    const onlyHead = missing.join() === architecture.tying?.head;
    const mend = onlyHead
      ? "copy the weights again, or set tie_word_embeddings in config.json if the model's embedding is its lm_head"
      : otherModel([]);
    throw new Error(`${directory}: missing tensors: ${listed(missing)}; ${mend}`);
  }
  for (const [parameter, places] of stored) {
    for (const { file, name } of places) {
      const { shape, dtype } = file.entries.get(name)!;
      requireShape(file.path, name, shape, expected.get(parameter)!);
      if (!isFloat(dtype))
        throw new Error(
          `${file.path}: tensor ${name} holds ${dtype}, where floats are needed; take the model as it was before it was quantised`,
        );
    }
  }
  return stored;
}

/** Why the names of tensors may not be those that config.json means, and what to do. */
function otherModel(extra: readonly string[]): string {
  if (extra.some((name) => name.startsWith("base_model.model.")))
    return "PEFT has wrapped this model: save it after merge_and_unload(), or take its base and the adapter";
  if (extra.some((name) => name === "score.weight" || name === "classifier.weight"))
    return "it has a head that scores texts: open it with openScorer";
  return FROM_ONE_PLACE;
}

/** Whether the weights of a model that is called tied hold an lm_head that is not the embedding. */
function hasOwnHead(
  architecture: Architecture,
  config: ModelConfig,
  files: ReadonlyMap<string, SafetensorsFile>,
): boolean {
  const { tying } = architecture;
  if (!tying?.isTied(config)) return false;
  const [rows, width] = architecture.parameterShapes(config)[tying.embeddings[0]!] as [number, number];
  const placeOf = (...names: string[]): Place | undefined => {
    const name = names.find((name) => files.has(name));
    if (name === undefined) return undefined;
    const file = files.get(name)!;
    const { shape, dtype } = file.entries.get(name)!;
    return isFloat(dtype) && shape.join() === `${rows},${width}` ? { file, name } : undefined;
  };
  const head = placeOf(tying.head);
  const embedding = placeOf(...tying.embeddings);
  if (!head || !embedding) return false;
  return !sameRows([rows, width], rowsAt(head), rowsAt(embedding));
}

function readParameter(
  [first, ...others]: readonly Place[],
  parameter: string,
  architecture: Pick<Architecture, "name">,
): HostTensor<"float32"> {
  const { file, name } = first!;
  const tensor = file.readFloat32(name);
  refuseNonFinite(file.path, name, countNonFinite(tensor.data), tensor.data.length);
  refuseDifferent(others, parameter, architecture, tensor.shape, rowsIn(tensor));
  return tensor;
}

/** Where a parameter lies as float32, after the checks of {@link readParameter}, which here read a piece at a time. */
function locateParameter(
  [first, ...others]: readonly Place[],
  parameter: string,
  architecture: Pick<Architecture, "name">,
): StoredTensor | undefined {
  const { file, name } = first!;
  const { dtype, shape } = file.entries.get(name)!;
  const offset = file.offset(name);
  if (dtype !== "float32" || offset % 4 !== 0 || !file.isAtPath()) return undefined;
  refuseNonFinite(file.path, name, file.countNonFinite(name), elementCount(shape));
  refuseDifferent(others, parameter, architecture, shape, rowsAt(first!));
  return { dtype, shape, path: file.path, offset };
}

/** Throws if one of the places that should repeat a parameter holds something else. */
function refuseDifferent(
  others: readonly Place[],
  parameter: string,
  architecture: Pick<Architecture, "name">,
  shape: readonly number[],
  values: Rows,
): void {
  const other = others.find((place) => !sameRows(shape, rowsAt(place), values));
  if (other === undefined) return;
  throw new Error(
    `${other.file.path}: tensor ${other.name} differs from ${parameter}, which a ${architecture.name} uses in its place`,
  );
}

/** The values of rows `[from, to)` of a tensor. */
type Rows = (from: number, to: number) => Float32Array;

const rowsAt =
  ({ file, name }: Place): Rows =>
  (from, to) =>
    toFloat32(file.readRows(name, from, to));

function rowsIn({ shape: [, ...rest], data }: HostTensor<"float32">): Rows {
  const width = elementCount(rest);
  return (from, to) => data.subarray(from * width, to * width);
}

/** Whether two tensors of a shape are equal; of those in files few rows are in memory at a time. */
function sameRows([rows, ...rest]: readonly number[], a: Rows, b: Rows): boolean {
  const step = Math.max(1, Math.floor(COMPARED_ELEMENTS / elementCount(rest)));
  for (let from = 0; from < rows!; from += step) {
    const to = Math.min(from + step, rows!);
    if (!sameValues(a(from, to), b(from, to))) return false;
  }
  return true;
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  const bytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return bytes(a).equals(bytes(b));
}
