import {
  type Adapter,
  findTrainable,
  initLora,
  linearChain,
  type LoraConfig,
  loraLink,
  loraScale,
  type Model,
  type NamedTensors,
  readAdapter,
  type TrainableParameters,
  type TrainableRow,
  trainableTable,
  type Unfreezing,
  writeAdapter,
} from "../../models";
import { Random } from "../../random";
import type { ParameterMap, Policy } from "../policy";
import { adapterContent, baseLinks, type FrozenWeights, readBase } from "./frozen";

export interface LoraPolicyOptions {
  readonly lora: LoraConfig;
  readonly unfreezing: Unfreezing;
  /** Seeds the adapter's first weights. */
  readonly seed: number;
  /** What adapter_config.json names as the base model. */
  readonly baseModel: string | null;
  /**
   * An adapter whose training goes on, in place of a fresh one. `lora` and `unfreezing` must be its own, but for the dropout.
   * @default none: a fresh adapter
   */
  readonly start?: Adapter;
  /**
   * How the frozen linear layers are kept: as they are; `int8`, with weights, activations and gradients rounded to 8
   * bits, which is faster; or `nf4`, weights in 4 bits with products in float32 (QLoRA), which takes an eighth of the memory and
   * more time. What is trained, and the lm_head, stays float32. The validation loss is that of the rounded base; the adapter is
   * for the exact one, unless that is in NF4 itself.
   * @default "float32"
   */
  readonly frozenWeights?: FrozenWeights;
  /**
   * Whether dropout, of the adapter and of the base, is on in training. Objectives that compare log-probabilities of two models,
   * or of one at two times, want none.
   * @default true
   */
  readonly dropout?: boolean;
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
 * @throws {Error} if a parameter is missing or damaged, as the model's source says, if `recompute` is asked of an architecture
 *   that cannot, or if `start` is of another shape than what is trained
 */
export function loraPolicy(model: Model, options: LoraPolicyOptions): LoraPolicy {
  const { architecture, config } = model;
  const { lora, unfreezing, seed, baseModel, start } = options;
  const { frozenWeights = "float32", dropout = true, recompute = false } = options;
  if (recompute && !architecture.recomputes)
    throw new Error(`recompute: ${architecture.name} cannot compute its blocks a second time; leave it out`);
  const shapes = new Map(Object.entries(architecture.parameterShapes(config)));
  const trainable = findTrainable(architecture, shapes, lora, unfreezing);
  const whole = new Set([...trainable.saved, ...trainable.unfrozen]);
  const trained: ParameterMap = initLora(trainable.targets, lora.rank, new Random(seed));
  const { tensors: frozen, copies, content: base } = readBase(model, frozenWeights, whole);
  for (const name of whole) trained.set(name, copies.get(name)!);
  if (start) startFrom(start, trained, lora);
  const pick = (names: Iterable<string>): ParameterMap =>
    new Map([...names].map((name) => [name, trained.get(name)!]));

  return {
    trained,
    frozen,
    dropsOut: dropout,
    trainable,
    table: trainableTable(architecture, shapes, lora, trainable),
    model(tensors: NamedTensors, training: boolean) {
      const links = baseLinks(frozenWeights, tensors);
      const drops = training && dropout;
      links.push(loraLink(tensors, drops ? lora : { ...lora, dropout: 0 }));
      return architecture.model(config, tensors, {
        linear: linearChain(tensors, ...links),
        training: drops,
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
      ...(start ? { start: adapterContent(start) } : {}),
      ...(dropout ? {} : { dropout }),
    },
    adapter,
    write: (directory) => writeAdapter(directory, adapter(), architecture),
    read(directory) {
      const stored = readAdapter(directory, model);
      for (const [name, { data }] of trained) {
        const tensor = parameterOf(stored, name);
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

const parameterOf = ({ weights, unfrozen }: Pick<Adapter, "weights" | "unfrozen">, name: string) =>
  weights.get(name) ?? unfrozen.get(name);

/** Takes an adapter's values into what is trained. */
function startFrom(start: Adapter, trained: ParameterMap, lora: LoraConfig): void {
  if (loraScale(start.config) !== loraScale(lora))
    throw new Error(
      `the adapter to go on with scales B·A by ${loraScale(start.config)}, where this training would by ${loraScale(lora)}: take its rank, ` +
        `alpha and useRslora`,
    );
  for (const name of [...start.weights.keys(), ...start.unfrozen.keys()])
    if (!trained.has(name))
      throw new Error(
        `the adapter to go on with has ${name}, which is not trained here: take its targetModules, modulesToSave and unfrozen blocks`,
      );
  for (const [name, { shape, data }] of trained) {
    const tensor = parameterOf(start, name);
    if (tensor?.shape.join() !== shape.join())
      throw new Error(
        `the adapter to go on with has ${tensor ? `${name} in shape [${tensor.shape.join(", ")}]` : `no ${name}`}, which is trained here: ` +
          `take its rank, targetModules, modulesToSave and unfrozen blocks`,
      );
    data.set(tensor.data);
  }
}
