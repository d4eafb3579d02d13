import type { Architecture } from "../architecture";
import { checkLoraConfig, type LoraConfig } from "./config";

/** Shapes by parameter name, as `parameterShapes` of a model gives them. */
export type ParameterShapes = ReadonlyMap<string, readonly number[]>;

/** Whole blocks trained beside the adapters, by stack, counted from its top: `{ encoder: 4 }`. */
export type Unfreezing = Readonly<Record<string, number>>;

/** What a kind of model says about the names of its parameters. */
export type Naming = Pick<Architecture, "isLinear" | "blockOf" | "targetAliases" | "tying" | "unsavable">;

/** A linear layer with an adapter. Its weight W is [outFeatures, inFeatures], A [rank, in], B [out, rank]. */
export interface LoraTarget {
  /** Module path, such as `encoder.block.0.layer.0.SelfAttention.q`. */
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** What a fine-tuning run trains; everything else stays frozen. */
export interface TrainableParameters {
  readonly targets: readonly LoraTarget[];
  /** Base parameters of `modulesToSave`. */
  readonly saved: readonly string[];
  /** Base parameters of the unfrozen blocks, those of `saved` left out. PEFT's own files would lose them. */
  readonly unfrozen: readonly string[];
  /** What a reader should know about how the configuration was understood. */
  readonly notes: readonly string[];
}

export const loraAName = (module: string) => `${module}.lora_A.weight`;
export const loraBName = (module: string) => `${module}.lora_B.weight`;

/**
 * Resolves a configuration against a model's parameters. A target, a module to save or a block that is not there is
 * an error that says what the model has.
 *
 * @param where what errors begin with: the file that the configuration is from
 */
export function findTrainable(
  architecture: Naming,
  shapes: ParameterShapes,
  config: LoraConfig,
  unfreezing: Unfreezing = {},
  where = "LoRA",
): TrainableParameters {
  checkLoraConfig(config);
  const notes: string[] = [];
  const linear = linearModules(architecture, shapes);
  const suffixes = config.targetModules.flatMap((target) =>
    expandTarget(architecture, target, linear, notes),
  );
  const targets = linear
    .filter((module) => suffixes.some((suffix) => hasSuffix(module, suffix)))
    .map((module) => {
      const [outFeatures, inFeatures] = shapes.get(`${module}.weight`) as readonly [number, number];
      return { module, inFeatures, outFeatures };
    });
  const saved = [...shapes.keys()].filter((name) =>
    config.modulesToSave.some((suffix) => hasSuffix(moduleOf(name), suffix)),
  );
  for (const suffix of config.modulesToSave) {
    if (!saved.some((name) => hasSuffix(moduleOf(name), suffix))) {
      const hint = suffix === "lm_head" ? " (this model ties it to its embedding)" : "";
      throw new Error(`${where} modulesToSave: no module of the model ends in "${suffix}"${hint}`);
    }
  }
  for (const suffix of config.modulesToSave) {
    const other = [...shapes.keys()]
      .map(moduleOf)
      .find((module) => module.endsWith(suffix) && !hasSuffix(module, suffix));
    if (other === undefined) continue;
    const own = saved.map(moduleOf).filter((module) => hasSuffix(module, suffix));
    throw new Error(
      `${where} modulesToSave: PEFT takes "${suffix}" for the end of any name and would save ${other} too; name ${own.join(", ")}`,
    );
  }
  refuseCopies(architecture, shapes, saved, where);
  const clash = targets.find(({ module }) => saved.includes(`${module}.weight`));
  if (clash)
    throw new Error(
      `${where}: ${clash.module} is both a target and a module to save; name it in one of them`,
    );
  const unfrozen = Object.entries(unfreezing)
    .flatMap(([stack, count]) => blockParameters(architecture, shapes, stack, count))
    .filter((name) => !saved.includes(name));
  return { targets, saved, unfrozen, notes };
}

/** Refuses modules to save whose copies PEFT would train apart from what the model reads. */
function refuseCopies(
  { tying, unsavable = {} }: Naming,
  shapes: ParameterShapes,
  saved: readonly string[],
  where: string,
): void {
  const isTied = (name: string) => tying?.embeddings.includes(name) && !shapes.has(tying.head);
  for (const name of saved) {
    const tied =
      isTied(name) &&
      `PEFT would train a copy of ${moduleOf(name)}, apart from ${moduleOf(tying!.head)}, which this model ties to it`;
    const why = unsavable[name] ?? tied;
    if (why) throw new Error(`${where} modulesToSave: ${why}; leave it out`);
  }
}

/** True where PEFT would match: the whole last parts of the module path. */
export function hasSuffix(module: string, suffix: string): boolean {
  return module === suffix || module.endsWith(`.${suffix}`);
}

/** The paths of a model's linear layers. */
export function linearModules({ isLinear }: Pick<Naming, "isLinear">, shapes: ParameterShapes): string[] {
  return [...shapes].filter(([name, shape]) => isLinear(name, shape)).map(([name]) => moduleOf(name));
}

/** `lm_head` of `lm_head.weight`. */
export function moduleOf(parameter: string): string {
  return parameter.replace(/\.(weight|bias)$/, "");
}

function expandTarget(
  { targetAliases = {} }: Naming,
  target: string,
  modules: readonly string[],
  notes: string[],
): readonly string[] {
  const isThere = (name: string) => modules.some((module) => hasSuffix(module, name));
  if (isThere(target)) return [target];
  const parts = targetAliases[target];
  if (parts?.every(isThere)) {
    notes.push(`This model has "${target}" in parts: the target is taken as "${parts.join('" and "')}".`);
    return parts;
  }
  const known = [...new Set(modules.map((module) => module.slice(module.lastIndexOf(".") + 1)))].join(", ");
  throw new Error(`LoRA targetModules: no module of the model ends in "${target}"; it has ${known}`);
}

function blockParameters(
  architecture: Naming,
  shapes: ParameterShapes,
  stack: string,
  count: number,
): string[] {
  const blockOf = (name: string) => {
    const place = architecture.blockOf(name);
    return place?.stack === stack ? place.block : -1;
  };
  const blocks = 1 + Math.max(-1, ...[...shapes.keys()].map(blockOf));
  if (blocks === 0 && count > 0) {
    const stacks = new Set([...shapes.keys()].flatMap((name) => architecture.blockOf(name)?.stack ?? []));
    throw new RangeError(
      `cannot unfreeze ${count} ${stack} blocks: the model has no ${stack}, only ${[...stacks].join(" and ")}; leave it at 0`,
    );
  }
  if (!(Number.isInteger(count) && count >= 0 && count <= blocks)) {
    throw new RangeError(`cannot unfreeze ${count} ${stack} blocks: the model has ${blocks}`);
  }
  return [...shapes.keys()].filter((name) => blockOf(name) >= blocks - count && blockOf(name) >= 0);
}

/** One line of {@link trainableTable}. */
export interface TrainableRow {
  readonly part: string;
  readonly parameters: number;
  /** Share of the base model's parameters, 0–1. */
  readonly share: number;
}

/** How many numbers each part of the run trains, so that nobody calls a trained lm_head "a light adapter" unknowingly. */
export function trainableTable(
  architecture: Naming,
  shapes: ParameterShapes,
  config: Pick<LoraConfig, "rank">,
  trainable: TrainableParameters,
): TrainableRow[] {
  const size = (name: string) => (shapes.get(name) ?? []).reduce((product, length) => product * length, 1);
  const total = [...shapes.keys()].reduce((sum, name) => sum + size(name), 0);
  const parts = new Map<string, number>();
  const add = (part: string, count: number) => parts.set(part, (parts.get(part) ?? 0) + count);
  for (const { module, inFeatures, outFeatures } of trainable.targets) {
    add(`LoRA on ${module.slice(module.lastIndexOf(".") + 1)}`, config.rank * (inFeatures + outFeatures));
  }
  for (const name of trainable.saved) add(`${moduleOf(name)} (whole)`, size(name));
  for (const name of trainable.unfrozen) add(`${unfrozenPart(architecture, name)} (unfrozen)`, size(name));
  const trained = [...parts.values()].reduce((sum, count) => sum + count, 0);
  return [...parts, ["all trainable", trained] as const, ["base model", total] as const].map(
    ([part, parameters]) => ({
      part,
      parameters,
      share: parameters / total,
    }),
  );
}

function unfrozenPart(architecture: Naming, name: string): string {
  const { stack, block } = architecture.blockOf(name)!;
  return `${stack} block ${block}`;
}
