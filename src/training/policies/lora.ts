import type { ProgramTensor } from "../../engine";
import {
  type Adapter,
  findTrainable,
  initLora,
  int8,
  linearChain,
  type LinearLink,
  type LoraConfig,
  loraLink,
  type Model,
  needParameter,
  type NamedTensors,
  nf4,
  readAdapter,
  roundedTensors,
  type TrainableParameters,
  type TrainableRow,
  trainableTable,
  type Unfreezing,
  writeAdapter,
} from "../../models";
import { Random } from "../../random";
import { float32Tensor } from "../../tensors";
import type { ParameterMap, Policy } from "../policy";
import { ContentHash } from "../tensors";

/** How a frozen base multiplies; see {@link LoraPolicyOptions}. */
export const frozenWeights = ["float32", "int8", "nf4"] as const;
export type FrozenWeights = (typeof frozenWeights)[number];

const schemes = { float32: undefined, int8, nf4 } as const;

export interface LoraPolicyOptions {
  readonly lora: LoraConfig;
  readonly unfreezing: Unfreezing;
  /** Seeds the adapter's first weights. */
  readonly seed: number;
  /** What adapter_config.json names as the base model. */
  readonly baseModel: string | null;
  /**
   * How the frozen linear layers are kept: as they are; `int8`, with weights, activations and gradients rounded to 8
   * bits, which is faster; or `nf4`, weights in 4 bits with products in float32 (QLoRA), which takes an eighth of the memory and
   * more time. What is trained, and the lm_head, stays float32. The validation loss is that of the rounded base; the adapter is
   * for the exact one, unless that is in NF4 itself.
   * @default "float32"
   */
  readonly frozenWeights?: FrozenWeights;
  /**
   * Whether a block keeps its input alone for the gradient and is computed a second time then: less memory, about a third more
   * time, the same numbers.
   * @default false
   */
  readonly recompute?: boolean;
}

/** A model with an adapter. */
export interface LoraPolicy extends Policy {
  readonly trainable: TrainableParameters;
  /** Trainable parameters by part. */
  readonly table: readonly TrainableRow[];
  /** The adapter as it is now; its arrays are those that training goes on changing. */
  adapter(): Adapter;
}

/**
 * Trains a model by LoRA, modules saved whole and unfrozen blocks. The model's own tensors stay as they are: what is trained is
 * copied. Parameters are read here, each once, so that a weight which is rounded is never kept as float32; a model that lies in
 * open files may be closed afterwards.
 *
 * @throws {Error} if a parameter is missing or damaged, as the model's source says, or if `recompute` is asked of an architecture
 *   that cannot
 */
export function loraPolicy(model: Model, options: LoraPolicyOptions): LoraPolicy {
  const { architecture, config, parameters } = model;
  const { lora, unfreezing, seed, baseModel, frozenWeights = "float32", recompute = false } = options;
  if (recompute && !architecture.recomputes)
    throw new Error(`recompute: ${architecture.name} cannot compute its blocks a second time; leave it out`);
  const shapes = new Map(Object.entries(architecture.parameterShapes(config)));
  const trainable = findTrainable(architecture, shapes, lora, unfreezing);
  const whole = new Set([...trainable.saved, ...trainable.unfrozen]);
  const trained: ParameterMap = initLora(trainable.targets, lora.rank, new Random(seed));
  const scheme = schemes[frozenWeights];
  const frozen = new Map<string, ProgramTensor>();
  const copies: ParameterMap = new Map();
  const content = new ContentHash();
  for (const [name, shape] of shapes) {
    const tensor = needParameter(parameters, name);
    content.add(name, tensor);
    if (whole.has(name)) {
      copies.set(name, float32Tensor(tensor.shape, tensor.data.slice()));
      continue;
    }
    const rounds = scheme && architecture.isLinear(name, shape) && !architecture.keepsPrecision(name);
    const kept = rounds ? roundedTensors(parameters, scheme, name, tensor) : { [name]: tensor };
    for (const [part, value] of Object.entries(kept)) frozen.set(part, value);
  }
  for (const name of whole) trained.set(name, copies.get(name)!);
  const base = content.digest();
  const pick = (names: Iterable<string>): ParameterMap =>
    new Map([...names].map((name) => [name, trained.get(name)!]));

  return {
    trained,
    frozen,
    trainable,
    table: trainableTable(architecture, shapes, lora, trainable),
    model(tensors: NamedTensors, training: boolean) {
      const links: LinearLink[] = scheme ? [scheme.link(tensors)] : [];
      links.push(loraLink(tensors, training ? lora : { ...lora, dropout: 0 }));
      return architecture.model(config, tensors, {
        linear: linearChain(tensors, ...links),
        training,
        recompute: recompute && training,
      });
    },
    fingerprint: {
      architecture: architecture.modelType,
      config,
      lora,
      unfreezing,
      seed,
      frozenWeights,
      base,
    },
    adapter,
    write: (directory) => writeAdapter(directory, adapter(), architecture),
    read(directory) {
      const stored = readAdapter(directory, model);
      for (const [name, { data }] of trained) {
        const tensor = stored.weights.get(name) ?? stored.unfrozen.get(name);
        if (!tensor) throw new Error(`${directory}: the trained parameter ${name} is missing`);
        data.set(tensor.data);
      }
    },
  };

  function adapter(): Adapter {
    const unfrozen = new Set(trainable.unfrozen);
    return {
      config: lora,
      baseModel,
      weights: pick([...trained.keys()].filter((name) => !unfrozen.has(name))),
      unfrozen: pick(unfrozen),
    };
  }
}
