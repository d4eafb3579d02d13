import { z } from "zod";
import { readJson } from "../../io";

/** The fields of PEFT's adapter_config.json that say which modules have adapters and what these mean. */
export interface PeftLoraConfig {
  readonly baseModel: string | null;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly useRslora: boolean;
  /** Suffixes of module paths; or a regular expression over whole paths, or "all-linear". */
  readonly targetModules: readonly string[] | string;
  /** Suffixes, or a regular expression, of modules that are left out. */
  readonly excludeModules: readonly string[] | string;
  /** Blocks to adapt; empty for all. */
  readonly layersToTransform: readonly number[];
  /** Names (regular expressions) of the lists that hold the blocks; empty for any. */
  readonly layersPattern: readonly string[];
  readonly modulesToSave: readonly string[];
}

const names = z.array(z.string());

/** With the defaults of PEFT's `LoraConfig`. */
const schema = z.looseObject({
  base_model_name_or_path: z.string().nullish(),
  r: z.number().int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  lora_dropout: z.number().min(0).lt(1).default(0),
  use_rslora: z.boolean().default(false),
  target_modules: z.union([names, z.string()]).nullish(),
  exclude_modules: z.union([names, z.string()]).nullish(),
  layers_to_transform: z.union([z.array(z.number().int()), z.number().int()]).nullish(),
  layers_pattern: z.union([names, z.string()]).nullish(),
  modules_to_save: names.nullish(),
});

/** Fields that change neither what the weights mean nor where they belong, in models whose linear layers are plain. */
const HARMLESS = new Set([
  "peft_type",
  "task_type",
  "auto_mapping",
  "peft_version",
  "revision",
  "inference_mode",
  // PEFT sets it to false itself at linear layers.
  "fan_in_fan_out",
  // Settings of what other fields turn on.
  "megatron_core",
  "qalora_group_size",
  "loftq_config",
  "eva_config",
  "corda_config",
  "lora_ga_config",
  // Another backward pass; the forward pass is LoRA's.
  "velora_config",
  "runtime_config",
]);

/** What fields change where they are set. */
const VARIANTS: Readonly<Record<string, string>> = {
  bias: "biases are trained too",
  use_dora: "DoRA also learns the length of every row of the weights",
  use_qalora: "QA-LoRA averages groups of inputs before A",
  lora_bias: "B has a bias",
  rank_pattern: "ranks differ from layer to layer",
  alpha_pattern: "scales differ from layer to layer",
  layer_replication: "the adapter is for a model whose layers are repeated",
  target_parameters: "parameters outside linear layers are adapted",
  trainable_token_indices: "rows of the embedding are trained too",
  alora_invocation_tokens: "aLoRA works behind certain tokens only",
  use_bdlora: "A or B are block-diagonal",
  arrow_config: "Arrow mixes several adapters token by token",
  kasa_config: "KaSA changes the base's weights and scales the ranks one by one",
  monteclora_config: "MonteCLoRA samples the adapter's weights",
  megatron_config: "the adapter is for Megatron's parallel layers",
};
/** An empty object of these is a setting with its defaults, not "off". */
const SET_WHEN_EMPTY = new Set(["use_bdlora", "arrow_config", "kasa_config", "monteclora_config"]);

/** Ways to make first weights that leave the base as it is. */
const HARMLESS_INITS = new Set(["gaussian", "eva", "orthogonal", "mica", "true", "false"]);
/** Ways that take something out of the base's weights, by how their names begin. */
const CHANGING_INITS = ["pissa", "olora", "corda", "loftq", "lora_ga"];

/**
 * Reads adapter_config.json. What the reader does not support is refused by its field, with what the field means:
 * other kinds of adapters, variants of LoRA whose weights mean something else, and first weights that changed the base.
 * An unknown field is ignored while it is off (null, false, empty) or a mere number or text, which only tunes what
 * another field turns on; one that is true, a list or an object may change the meaning and is refused.
 *
 * @param defaultTargets what PEFT adapts of this kind of model where the file does not say
 */
export function readPeftConfig(path: string, defaultTargets?: readonly string[]): PeftLoraConfig {
  const read = z.record(z.string(), z.unknown()).safeParse(readJson(path));
  if (!read.success) throw new Error(`${path}: not a JSON object`);
  const file = read.data;
  const type = file["peft_type"];
  if (type !== "LORA") {
    throw new Error(
      `${path}: peft_type is ${JSON.stringify(type ?? null)}; only adapters of the type "LORA" are read here. ${mergeInPython("For another type")}`,
    );
  }
  refuseChangedBase(path, file["init_lora_weights"]);
  const parsed = schema.safeParse(file);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${path}: ${issue!.path.join(".")}: ${issue!.message}`);
  }
  for (const [field, value] of Object.entries(file)) refuseVariant(path, field, value);
  const peft = parsed.data;
  const modulesToSave = peft.modules_to_save ?? [];
  if (file["ensure_weight_tying"] === true && modulesToSave.length > 0) {
    throw new Error(
      `${path}: ensure_weight_tying ties the modules saved whole (${modulesToSave.join(", ")}) to others, which is not supported here. ${mergeInPython()}`,
    );
  }
  const targetModules = peft.target_modules ?? defaultTargets;
  if (!targetModules)
    throw new Error(`${path}: target_modules is missing, and PEFT has no default for this kind of model`);
  const list = <T>(value: T | readonly T[] | null | undefined): readonly T[] =>
    value === null || value === undefined ? [] : Array.isArray(value) ? value : [value as T];
  const config = {
    baseModel: peft.base_model_name_or_path ?? null,
    rank: peft.r,
    alpha: peft.lora_alpha,
    dropout: peft.lora_dropout,
    useRslora: peft.use_rslora,
    targetModules,
    excludeModules: peft.exclude_modules ?? [],
    layersToTransform: list(peft.layers_to_transform),
    layersPattern: list(peft.layers_pattern).filter((pattern) => pattern !== ""),
    modulesToSave,
  };
  if (typeof config.targetModules === "string" && config.layersToTransform.length > 0)
    throw new Error(`${path}: layers_to_transform is for a list of target_modules, not for a pattern`);
  return config;
}

function refuseChangedBase(path: string, init: unknown): void {
  const name = (typeof init === "string" ? init : JSON.stringify(init ?? true)).toLowerCase();
  if (HARMLESS_INITS.has(name)) return;
  const shown = `${path}: init_lora_weights is ${JSON.stringify(init)}`;
  if (!CHANGING_INITS.some((changing) => name.startsWith(changing))) {
    throw new Error(
      `${shown}, which is not known here and may have changed the base's weights. ${mergeInPython()}`,
    );
  }
  throw new Error(
    `${shown}, which took a part out of the base's weights before training: added to the base as it is, the adapter would ` +
      `count that part twice. Convert it in Python: save the adapter once before training, and afterwards with ` +
      `save_pretrained(directory, path_initial_model_for_weight_conversion=that_directory). ${mergeInPython("Or")}`,
  );
}

function refuseVariant(path: string, field: string, value: unknown): void {
  const off =
    value === null || value === false || value === "" || (isEmpty(value) && !SET_WHEN_EMPTY.has(field));
  if (off || HARMLESS.has(field) || field in schema.shape || field === "init_lora_weights") return;
  if (field === "ensure_weight_tying" || (field === "bias" && value === "none")) return;
  const shown = JSON.stringify(value);
  const meaning = Object.hasOwn(VARIANTS, field) ? VARIANTS[field] : undefined;
  if (meaning !== undefined) {
    throw new Error(
      `${path}: ${field} is ${cut(shown)}: ${meaning}, a variant of LoRA that is not supported here. ${mergeInPython()}`,
    );
  }
  if (typeof value === "object" || value === true) {
    throw new Error(
      `${path}: ${field} is ${cut(shown)}, a field that is not known here and may change what the adapter means; ` +
        `if it does not, set it to null`,
    );
  }
}

const isEmpty = (value: unknown) =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const cut = (text: string) => (text.length > 80 ? `${text.slice(0, 79)}…` : text);

/** How any adapter of PEFT becomes a model that is read here. */
export const mergeInPython = (start = "In Python") =>
  `${start}, merge it into its base: PeftModel.from_pretrained(base, directory).merge_and_unload().save_pretrained(model), ` +
  `and take that model`;
