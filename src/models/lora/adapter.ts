import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson, writeJson } from "../../io";
import { float32Tensor, type HostTensor, readSafetensors, toFloat32, writeSafetensors } from "../safetensors";
import { type LoraConfig } from "./config";
import { findTrainable, loraAName, loraBName, type LoraTarget, type ParameterShapes } from "./trainable";

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
export function writeAdapter(directory: string, adapter: Adapter): void {
  const { config, baseModel, weights, unfrozen } = adapter;
  const modulesOf = (suffix: string) =>
    [...weights.keys()].filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
  const targets = new Set(
    modulesOf(".lora_A.weight").map((module) => module.slice(module.lastIndexOf(".") + 1)),
  );
  writeSafetensors(
    join(directory, WEIGHTS_FILE),
    new Map([...weights].map(([name, tensor]) => [PREFIX + name, tensor])),
    { format: "pt" },
  );
  if (unfrozen.size > 0) writeSafetensors(join(directory, UNFROZEN_FILE), unfrozen, { format: "pt" });
  writeJson(join(directory, CONFIG_FILE), {
    peft_type: "LORA",
    task_type: "SEQ_2_SEQ_LM",
    base_model_name_or_path: baseModel,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    use_rslora: config.useRslora,
    target_modules: [...targets],
    modules_to_save: config.modulesToSave.length > 0 ? config.modulesToSave : null,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
  });
}

const peftConfig = z.object({
  peft_type: z.literal("LORA"),
  base_model_name_or_path: z.string().nullish(),
  r: z.number().int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  use_rslora: z.boolean().default(false),
  target_modules: z.union([z.array(z.string()), z.string()]),
  modules_to_save: z.array(z.string()).nullish(),
  // Variants whose weights would mean something else; each is refused by name.
  bias: z.literal("none").default("none"),
  fan_in_fan_out: z.literal(false).default(false),
  use_dora: z.literal(false).default(false),
  lora_bias: z.literal(false).default(false),
  rank_pattern: z.record(z.string(), z.never()).nullish(),
  alpha_pattern: z.record(z.string(), z.never()).nullish(),
});

/**
 * Reads an adapter directory that PEFT or {@link writeAdapter} wrote, for a model of the given parameters. Missing,
 * extra and misshapen tensors, and LoRA variants that are not supported (DoRA, biases, ranks by layer), are errors
 * that name the file and the thing.
 */
export function readAdapter(directory: string, shapes: ParameterShapes): Adapter {
  const configPath = join(directory, CONFIG_FILE);
  const parsed = peftConfig.safeParse(readJson(configPath));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(
      `${configPath}: ${issue!.path.join(".")}: ${issue!.message} (a LoRA variant not supported here?)`,
    );
  }
  const peft = parsed.data;
  const path = join(directory, WEIGHTS_FILE);
  if (!existsSync(path) && existsSync(join(directory, "adapter_model.bin"))) {
    throw new Error(
      `${directory}: adapter_model.bin is a pickle, which can run code when read; save it again in PEFT with safe_serialization=True`,
    );
  }
  const stored = readFloat32(path, PREFIX);
  const modules = [...stored.keys()]
    .filter((name) => name.endsWith(".lora_A.weight"))
    .map((name) => name.slice(0, -14));
  const config: LoraConfig = {
    rank: peft.r,
    alpha: peft.lora_alpha,
    dropout: peft.lora_dropout,
    useRslora: peft.use_rslora,
    // A string is a pattern over module paths (or "all-linear"); the file then says what it matched.
    targetModules: typeof peft.target_modules === "string" ? modules : peft.target_modules,
    modulesToSave: peft.modules_to_save ?? [],
  };
  const { targets, saved } = findTrainable(shapes, config);
  const expected = new Map(saved.map((name) => [name, shapes.get(name)!] as const));
  for (const target of targets)
    for (const [name, shape] of loraShapes(target, config.rank)) expected.set(name, shape);
  checkTensors(path, stored, expected);
  for (const name of expected.keys())
    if (!stored.has(name)) throw new Error(`${path}: tensor ${PREFIX}${name} is missing`);

  const unfrozenPath = join(directory, UNFROZEN_FILE);
  const unfrozen = existsSync(unfrozenPath)
    ? readFloat32(unfrozenPath, "")
    : new Map<string, HostTensor<"float32">>();
  checkTensors(unfrozenPath, unfrozen, shapes);
  return { config, baseModel: peft.base_model_name_or_path ?? null, weights: stored, unfrozen };
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
    tensors.set(name.slice(prefix.length), float32Tensor(tensor.shape, toFloat32(tensor)));
  }
  return tensors;
}

function checkTensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  expected: ParameterShapes,
): void {
  for (const [name, { shape }] of tensors) {
    const wanted = expected.get(name);
    if (!wanted) throw new Error(`${path}: tensor ${name} does not belong to this model and configuration`);
    if (shape.join() !== wanted.join()) {
      throw new Error(`${path}: tensor ${name} has shape [${shape.join(", ")}], not [${wanted.join(", ")}]`);
    }
  }
}
