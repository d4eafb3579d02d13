import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeJson } from "../../io";
import {
  countNonFinite,
  float32Tensor,
  type HostTensor,
  isFloat,
  readSafetensors,
  refuseNonFinite,
  toFloat32,
  writeSafetensors,
} from "../../tensors";
import type { Architecture, Model } from "../architecture";
import type { LoraConfig } from "./config";
import { mergeInPython, readPeftConfig } from "./peft-config";
import { peftSaved, peftTargets } from "./peft-targets";
import {
  findTrainable,
  hasSuffix,
  linearModules,
  loraAName,
  loraBName,
  type LoraTarget,
  moduleOf,
  type ParameterShapes,
} from "./trainable";

const CONFIG_FILE = "adapter_config.json";
const WEIGHTS_FILE = "adapter_model.safetensors";
/** Beside PEFT's two files: the unfrozen base layers, which PEFT neither writes nor reads. */
const UNFROZEN_FILE = "unfrozen.safetensors";
const PREFIX = "base_model.model.";

/** A trained adapter. Names are the base model's, without PEFT's prefix: `….q.lora_A.weight`, `lm_head.weight`. */
export interface Adapter {
  readonly config: LoraConfig;
  /** The base model's name or directory, as `base_model_name_or_path` records it. */
  readonly baseModel: string | null;
  /** A and B of every target, and the modules saved whole. */
  readonly weights: ReadonlyMap<string, HostTensor<"float32">>;
  /** Weights of unfrozen base layers. Empty in adapters that PEFT trained. */
  readonly unfrozen: ReadonlyMap<string, HostTensor<"float32">>;
}

/**
 * Writes an adapter directory that PEFT's `PeftModel.from_pretrained` opens: adapter_config.json and
 * adapter_model.safetensors. Unfrozen layers go to unfrozen.safetensors beside them; PEFT ignores that file, so in
 * Python load it into the base model first (`base.load_state_dict(load_file(…), strict=False)`).
 */
export function writeAdapter(
  directory: string,
  adapter: Adapter,
  {
    taskType,
    peftTask = taskType,
    targetAliases = {},
  }: Pick<Architecture, "taskType" | "peftTask" | "targetAliases">,
): void {
  const { config, baseModel, weights, unfrozen } = adapter;
  const modules = [...weights.keys()].flatMap((name) => adaptedModule(name) ?? []);
  const isUsed = (name: string) => modules.some((module) => hasSuffix(module, name));
  // PEFT does not take "wi" as wi_0 and wi_1.
  const targets = config.targetModules.flatMap((name) => (isUsed(name) ? name : (targetAliases[name] ?? [])));
  const unnamed = modules.find((module) => !targets.some((name) => hasSuffix(module, name)));
  if (unnamed !== undefined)
    throw new Error(
      `${directory}: ${unnamed} has an adapter, and targetModules (${targets.join(", ")}) do not name it`,
    );
  writeSafetensors(
    join(directory, WEIGHTS_FILE),
    new Map([...weights].map(([name, tensor]) => [PREFIX + name, tensor])),
    { format: "pt" },
  );
  if (unfrozen.size > 0) writeSafetensors(join(directory, UNFROZEN_FILE), unfrozen, { format: "pt" });
  writeJson(join(directory, CONFIG_FILE), {
    peft_type: "LORA",
    task_type: peftTask,
    base_model_name_or_path: baseModel,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    use_rslora: config.useRslora,
    target_modules: [...new Set(targets)],
    modules_to_save: config.modulesToSave.length > 0 ? config.modulesToSave : null,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
  });
}

/**
 * Reads an adapter directory that PEFT or {@link writeAdapter} wrote, for a model of the given parameters. Which modules
 * have adapters is decided as PEFT does ({@link peftTargets}), and the file must hold just these; where it cannot be
 * decided, they are those of the file. Missing, extra, misshapen and non-finite tensors, embeddings saved beside the
 * adapter, and what {@link readPeftConfig} refuses are errors that name the file and the thing.
 */
export function readAdapter(
  directory: string,
  { architecture, config: modelConfig }: Pick<Model, "architecture" | "config">,
): Adapter {
  const shapes: ParameterShapes = new Map(Object.entries(architecture.parameterShapes(modelConfig)));
  const configPath = join(directory, CONFIG_FILE);
  const peft = readPeftConfig(configPath, architecture.peftTargets);
  const path = join(directory, WEIGHTS_FILE);
  if (!existsSync(path) && existsSync(join(directory, "adapter_model.bin"))) {
    throw new Error(
      `${directory}: adapter_model.bin is a pickle, which can run code when read; save it again in PEFT with safe_serialization=True`,
    );
  }
  const stored = readFloat32(path, PREFIX);
  // What VeLoRA's backward pass needs; it says nothing about the adapted weights.
  for (const name of stored.keys()) if (name.endsWith(".lora_velora_embed")) stored.delete(name);
  const linear = linearModules(architecture, shapes);
  const inFile = [...stored.keys()].flatMap((name) => adaptedModule(name) ?? []);
  const modules = peftTargets(peft, linear) ?? inFile;
  if (modules.length === 0 && peft.targetModules.length > 0) {
    const known = [...new Set(linear.map(lastPart))].join(", ");
    throw new Error(
      `${configPath}: target_modules ${JSON.stringify(peft.targetModules)} (with what is excluded and the layers to transform) ` +
        `match no module of this model, which has ${known}; the adapter is for another model`,
    );
  }
  const savedModules = peftSaved(shapes.keys(), peft.modulesToSave).map(moduleOf);
  const config: LoraConfig = {
    rank: peft.rank,
    alpha: peft.alpha,
    dropout: peft.dropout,
    useRslora: peft.useRslora,
    targetModules: namesOf(modules, peft.targetModules, linear),
    modulesToSave: namesOf(savedModules, peft.modulesToSave, [...shapes.keys()].map(moduleOf)),
  };
  const { targets, saved } = findTrainable(architecture, shapes, config, {}, configPath);
  const expected = new Map(saved.map((name) => [name, shapes.get(name)!] as const));
  for (const target of targets)
    for (const [name, shape] of loraShapes(target, config.rank)) expected.set(name, shape);
  for (const name of stored.keys()) {
    if (expected.has(name)) continue;
    throw new Error(
      `${path}: tensor ${PREFIX}${name} ${foreign(name, architecture, linear, peft.modulesToSave)}`,
    );
  }
  checkShapes(path, stored, expected);
  for (const name of expected.keys())
    if (!stored.has(name)) throw new Error(`${path}: tensor ${PREFIX}${name} is missing`);

  const unfrozenPath = join(directory, UNFROZEN_FILE);
  const unfrozen = existsSync(unfrozenPath)
    ? readFloat32(unfrozenPath, "")
    : new Map<string, HostTensor<"float32">>();
  checkShapes(unfrozenPath, unfrozen, shapes);
  return { config, baseModel: peft.baseModel, weights: stored, unfrozen };
}

/** The module whose A a tensor is, if it is one. */
const adaptedModule = (name: string) => /^(.*)\.lora_A\.weight$/.exec(name)?.[1];

const lastPart = (module: string) => module.slice(module.lastIndexOf(".") + 1);

/** `names` without those that match nothing if they stand for just these modules among `all`, else the modules' paths. */
function namesOf(
  modules: readonly string[],
  names: readonly string[] | string,
  all: readonly string[],
): readonly string[] {
  if (typeof names === "string") return modules;
  const used = names.filter((name) => all.some((module) => hasSuffix(module, name)));
  const matched = all.filter((module) => used.some((name) => hasSuffix(module, name)));
  return matched.length === modules.length ? used : modules;
}

/** What is to be said of a tensor that is not one of the adapter's. */
function foreign(
  name: string,
  { tying }: Pick<Architecture, "tying">,
  linear: readonly string[],
  modulesToSave: readonly string[],
): string {
  const other = `does not belong to this model and configuration`;
  if (tying && [tying.head, ...tying.embeddings].includes(name.replace(/\.base_layer\.weight$/, ".weight"))) {
    const named = peftSaved([name], modulesToSave).length > 0;
    return named
      ? `is an embedding or lm_head that modules_to_save (${modulesToSave.join(", ")}) trained apart from the weights that it is tied to, which is not supported here. ${mergeInPython()}`
      : `is an embedding of the base, which PEFT saves beside an adapter when the vocabulary was resized, lm_head or an embedding is a target, ` +
          `or save_embedding_layers is set. If it is the base's, unchanged, save the adapter again with save_pretrained(directory, save_embedding_layers=False). ${mergeInPython("Otherwise")}`;
  }
  if (/\.lora_embedding_[AB]$/.test(name))
    return `adapts an embedding, which is not supported here. ${mergeInPython()}`;
  if (name.includes(".lora_magnitude_vector"))
    return `is of DoRA, which is not supported here. ${mergeInPython()}`;
  const module = /^(.*)\.lora_[AB]\.weight$/.exec(name)?.[1];
  if (module === "lm_head")
    return `adapts lm_head, which this model ties to the embedding. ${mergeInPython()}`;
  if (module !== undefined && linear.includes(module))
    return `${other}: the configuration does not adapt ${module}, so that PEFT would leave the tensor out`;
  return other;
}

/** Names and shapes of one target's A and B. */
export function loraShapes(target: LoraTarget, rank: number): [name: string, shape: readonly number[]][] {
  return [
    [loraAName(target.module), [rank, target.inFeatures]],
    [loraBName(target.module), [target.outFeatures, rank]],
  ];
}

function readFloat32(path: string, prefix: string): Map<string, HostTensor<"float32">> {
  const tensors = new Map<string, HostTensor<"float32">>();
  for (const [name, tensor] of readSafetensors(path).tensors) {
    if (!name.startsWith(prefix)) throw new Error(`${path}: tensor ${name} has not PEFT's prefix ${prefix}`);
    if (!isFloat(tensor.dtype))
      throw new Error(`${path}: tensor ${name} holds ${tensor.dtype}, where floats are needed`);
    const data = toFloat32(tensor);
    refuseNonFinite(path, name, countNonFinite(data), data.length);
    tensors.set(name.slice(prefix.length), float32Tensor(tensor.shape, data));
  }
  return tensors;
}

function checkShapes(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  expected: ParameterShapes,
): void {
  for (const [name, { shape }] of tensors) {
    const wanted = expected.get(name);
    if (!wanted) throw new Error(`${path}: tensor ${name} does not belong to this model`);
    if (shape.join() !== wanted.join()) {
      throw new Error(`${path}: tensor ${name} has shape [${shape.join(", ")}], not [${wanted.join(", ")}]`);
    }
  }
}
