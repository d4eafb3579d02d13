import type * as tf from "@tensorflow/tfjs";
import type { ProgramTensor, StoredTensor, TensorSpec } from "../../engine";
import { matMulQuantized, QUANTIZED_BLOCK, quantizeMatrix } from "../../engine/ops";
import type { HostTensor } from "../../tensors";
import type { T5Config } from "../t5/config";
import type { T5Hooks } from "../t5/model";
import { parameterShapes, positionBiasName } from "../t5/parameters";

/** Where parameters come from: a map, or a file that reads each when asked. */
export interface ParameterSource {
  get(name: string): HostTensor<"float32"> | undefined;
  /** Where a parameter lies in a file as float32, if it does. */
  locate?(name: string): StoredTensor | undefined;
}

/** How the weights of a model go into a program. */
export interface FrozenWeights {
  /** What the program's function is given as parameters. */
  readonly signature: Record<string, TensorSpec>;
  /** How a model over them applies its linear layers. */
  hooks(parameters: Readonly<Record<string, tf.Tensor>>): T5Hooks;
  /** The tensor of a parameter of the signature. */
  tensorOf(name: string): ProgramTensor;
  /** Where it lies in a file, if it does as it is. */
  locate(name: string): StoredTensor | undefined;
}

/** The parameter `name` of a source that must have it. */
export function needParameter(parameters: ParameterSource, name: string): HostTensor<"float32"> {
  const tensor = parameters.get(name);
  if (!tensor) throw new Error(`T5: the parameter ${name} is missing`);
  return tensor;
}

/** Weights as they are. */
export function floatWeights(config: T5Config, parameters: ParameterSource): FrozenWeights {
  const shapes = Object.entries(parameterShapes(config));
  return {
    signature: Object.fromEntries(shapes.map(([name, shape]) => [name, { dtype: "float32", shape }])),
    hooks: () => ({}),
    tensorOf: (name) => needParameter(parameters, name),
    locate: (name) => parameters.locate?.(name),
  };
}

const VALUES = ".weight.values";
const SCALES = ".weight.scales";

/** Linear layers with weights of 8 bits, `….q.weight.values` and `….q.weight.scales`; everything else as it is. */
export function eightBitWeights(config: T5Config, parameters: ParameterSource): FrozenWeights {
  const signature: Record<string, TensorSpec> = {};
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    signature[name] = { dtype: "float32", shape };
    if (!isLinear(config, name)) continue;
    const [out, inputs] = shape as [number, number];
    const blocks = Math.ceil(inputs / QUANTIZED_BLOCK);
    signature[`${name}.values`] = { dtype: "uint8", shape: [out, blocks, QUANTIZED_BLOCK] };
    signature[`${name}.scales`] = { dtype: "float32", shape: [out, blocks] };
  }
  let last: { name: string; values: Uint8Array; scales: Float32Array } | undefined;
  const quantized = (name: string) => {
    const weight = needParameter(parameters, name);
    if (last?.name !== name)
      last = { name, ...quantizeMatrix(weight.data, weight.shape as [number, number]) };
    return last;
  };
  return {
    signature,
    hooks: (parameters) => ({
      linear: (x, name) =>
        matMulQuantized(x, { values: parameters[name + VALUES]!, scales: parameters[name + SCALES]! }),
    }),
    tensorOf: (name) => {
      const { shape } = signature[name]!;
      if (name.endsWith(VALUES)) return { dtype: "uint8", shape, data: quantized(name.slice(0, -7)).values };
      if (name.endsWith(SCALES))
        return { dtype: "float32", shape, data: quantized(name.slice(0, -7)).scales };
      return needParameter(parameters, name);
    },
    locate: () => undefined,
  };
}

/** Whether a parameter is multiplied with activations; a tied embedding is, as the lm_head. */
const isLinear = (config: T5Config, name: string) =>
  (name !== "shared.weight" || config.tieWordEmbeddings) &&
  !name.includes("layer_norm") &&
  name !== positionBiasName("encoder") &&
  name !== positionBiasName("decoder");
