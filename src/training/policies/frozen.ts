import type { ProgramTensor } from "../../engine";
import {
  type Adapter,
  int8,
  type LanguageModel,
  linearChain,
  type LinearLink,
  loraLink,
  type Model,
  type NamedTensors,
  needParameter,
  nf4,
  roundedTensors,
} from "../../models";
import { ContentHash, float32Tensor } from "../../tensors";
import type { ParameterMap } from "../policy";

/** How a frozen base multiplies; see `LoraPolicyOptions`. */
export const frozenWeights = ["float32", "int8", "nf4"] as const;
export type FrozenWeights = (typeof frozenWeights)[number];

const schemes = { float32: undefined, int8, nf4 } as const;

/** A base model's parameters as a training holds them. */
export interface FrozenBase {
  /** Those that are only read, rounded or not. */
  readonly tensors: Map<string, ProgramTensor>;
  /** Copies of the others. */
  readonly copies: ParameterMap;
  /** SHA-256 of all of them, as they were read. */
  readonly content: string;
}

/** Reads a model's parameters, each once: those of `whole` are copied, the others kept as `scheme` says. */
export function readBase(model: Model, scheme: FrozenWeights, whole: ReadonlySet<string>): FrozenBase {
  const { architecture, config, parameters } = model;
  const tensors = new Map<string, ProgramTensor>();
  const copies: ParameterMap = new Map();
  const content = new ContentHash();
  const rounding = schemes[scheme];
  for (const [name, shape] of Object.entries(architecture.parameterShapes(config))) {
    const tensor = needParameter(parameters, name);
    content.add(name, tensor);
    if (whole.has(name)) {
      copies.set(name, float32Tensor(tensor.shape, tensor.data.slice()));
      continue;
    }
    const rounds = rounding && architecture.isLinear(name, shape) && !architecture.keepsPrecision(name);
    const kept = rounds ? roundedTensors(parameters, rounding, name, tensor) : { [name]: tensor };
    for (const [part, value] of Object.entries(kept)) tensors.set(part, value);
  }
  return { tensors, copies, content: content.digest() };
}

/** The links of a chain of linear layers over a base that {@link readBase} gave. */
export function baseLinks(scheme: FrozenWeights, tensors: NamedTensors): LinearLink[] {
  const rounding = schemes[scheme];
  return rounding ? [rounding.link(tensors)] : [];
}

/** A model that is only read: a reference, say. */
export interface FrozenModel {
  readonly parameters: ReadonlyMap<string, ProgramTensor>;
  /** The model over all parameters, as a TensorFlow.js function without dropout. */
  model(parameters: NamedTensors): LanguageModel;
  /** What identifies it, to the last bit of its parameters. */
  readonly fingerprint: unknown;
}

export interface FrozenModelOptions {
  /** An adapter over it. */
  readonly adapter?: Pick<Adapter, "config" | "weights" | "unfrozen">;
  /**
   * How its linear layers are kept, as of a policy.
   * @default "float32"
   */
  readonly frozenWeights?: FrozenWeights;
}

/** A model as it is, or with an adapter. Its parameters are read here; open files may be closed afterwards. */
export function frozenModel(
  model: Model,
  { adapter, frozenWeights = "float32" }: FrozenModelOptions = {},
): FrozenModel {
  const { architecture, config } = model;
  const shapes = architecture.parameterShapes(config);
  const added = adapter ? [...adapter.weights, ...adapter.unfrozen] : [];
  const replaced = new Set(added.map(([name]) => name).filter((name) => Object.hasOwn(shapes, name)));
  const { tensors, content } = readBase(model, frozenWeights, replaced);
  for (const [name, tensor] of added) tensors.set(name, tensor);
  return {
    parameters: tensors,
    model(parameters) {
      const links = baseLinks(frozenWeights, parameters);
      if (adapter) links.push(loraLink(parameters, { ...adapter.config, dropout: 0 }));
      return architecture.model(config, parameters, { linear: linearChain(parameters, ...links) });
    },
    fingerprint: {
      architecture: architecture.modelType,
      config,
      frozenWeights,
      base: content,
      ...(adapter ? { adapter: adapterContent(adapter) } : {}),
    },
  };
}

/** SHA-256 of what an adapter computes. */
export function adapterContent({ config, weights, unfrozen }: NonNullable<FrozenModelOptions["adapter"]>): {
  scaling: readonly unknown[];
  content: string;
} {
  const content = new ContentHash();
  for (const [name, tensor] of [...weights, ...unfrozen].sort(([a], [b]) => (a < b ? -1 : 1)))
    content.add(name, tensor);
  return { scaling: [config.alpha, config.rank, config.useRslora], content: content.digest() };
}
