import type { ProgramTensor, StoredTensor, TensorSpec } from "../../engine";
import type { HostTensor } from "../../tensors";
import type { QuantizationScheme } from "../quantization";
import { type LinearLayers, linearChain, type NamedTensors } from "./linear";

/** Where parameters come from: a map, or a file that reads each when asked. */
export interface ParameterSource {
  get(name: string): HostTensor<"float32"> | undefined;
  /** Where a parameter lies in a file as float32, if it does. */
  locate?(name: string): StoredTensor | undefined;
  /** A weight that a file keeps in few bits, as it is there; `get` gives its values. */
  rounded?(name: string): RoundedWeight | undefined;
}

/** A weight in few bits. */
export interface RoundedWeight {
  /** The name of the {@link QuantizationScheme}. */
  readonly scheme: string;
  /** The tensors that stand for the weight, by the names of the scheme's `specs`. */
  readonly tensors: Readonly<Record<string, ProgramTensor>>;
}

/** How the weights of a model go into a program. */
export interface ProgramWeights {
  /** What the program's function is given as parameters. */
  readonly signature: Record<string, TensorSpec>;
  /** How a model over them applies its linear layers. */
  linear(parameters: NamedTensors): LinearLayers;
  /** The tensor of a parameter of the signature. */
  tensorOf(name: string): ProgramTensor;
  /** Where it lies in a file, if it does as it is. */
  locate(name: string): StoredTensor | undefined;
}

/** The parameter `name` of a source that must have it. */
export function needParameter(parameters: ParameterSource, name: string): HostTensor<"float32"> {
  const tensor = parameters.get(name);
  if (!tensor) throw new Error(`the parameter ${name} is missing`);
  return tensor;
}

/**
 * The tensors that stand for a weight in a scheme: as a file keeps them if it does in this scheme, else rounded here, from `tensor`
 * where it has been read already.
 */
export function roundedTensors(
  parameters: ParameterSource,
  scheme: QuantizationScheme,
  name: string,
  tensor?: HostTensor<"float32">,
): Readonly<Record<string, ProgramTensor>> {
  const kept = parameters.rounded?.(name);
  if (kept?.scheme === scheme.name) return kept.tensors;
  return scheme.quantize(name, tensor ?? needParameter(parameters, name));
}

/** Weights as they are, of a model with parameters of these shapes. */
export function floatWeights(
  shapes: Readonly<Record<string, readonly number[]>>,
  parameters: ParameterSource,
): ProgramWeights {
  const entries = Object.entries(shapes);
  return {
    signature: Object.fromEntries(entries.map(([name, shape]) => [name, { dtype: "float32", shape }])),
    linear: (tensors) => linearChain(tensors),
    tensorOf: (name) => needParameter(parameters, name),
    locate: (name) => parameters.locate?.(name),
  };
}

/**
 * The weights for which `schemeOf` gives a scheme rounded by it, everything else as it is. Each is read, and rounded unless
 * its file keeps it so, when asked for.
 */
export function roundedWeights(
  shapes: Readonly<Record<string, readonly number[]>>,
  parameters: ParameterSource,
  schemeOf: (name: string) => QuantizationScheme | undefined,
): ProgramWeights {
  const signature: Record<string, TensorSpec> = {};
  const rounded = new Map<string, { weight: string; scheme: QuantizationScheme }>();
  const schemes = new Map<QuantizationScheme, string[]>();
  for (const [name, shape] of Object.entries(shapes)) {
    signature[name] = { dtype: "float32", shape };
    const scheme = schemeOf(name);
    if (!scheme) continue;
    const specs = scheme.specs(name, shape);
    for (const part of Object.keys(specs)) rounded.set(part, { weight: name, scheme });
    Object.assign(signature, specs);
    schemes.set(scheme, [...(schemes.get(scheme) ?? []), ...Object.keys(specs)]);
  }
  let last: { weight: string; parts: Readonly<Record<string, ProgramTensor>> } | undefined;
  return {
    signature,
    linear: (tensors) =>
      linearChain(tensors, ...[...schemes].map(([scheme, parts]) => scheme.link(pick(tensors, parts)))),
    tensorOf(name) {
      const place = rounded.get(name);
      if (!place) return needParameter(parameters, name);
      const { weight, scheme } = place;
      if (last?.weight !== weight) {
        const kept = roundedTensors(parameters, scheme, weight);
        const fits = Object.entries(scheme.specs(weight, shapes[weight]!)).every(
          ([part, { dtype, shape }]) =>
            kept[part]?.dtype === dtype && kept[part]?.shape.join() === shape.join(),
        );
        // A file may keep a weight in another form of the scheme: larger blocks, absmax as floats.
        const parts = fits ? kept : scheme.quantize(weight, needParameter(parameters, weight));
        last = { weight, parts };
      }
      return last.parts[name]!;
    },
    locate: (name) => (rounded.has(name) ? undefined : parameters.locate?.(name)),
  };
}

const pick = (tensors: NamedTensors, names: readonly string[]): NamedTensors =>
  Object.fromEntries(names.map((name) => [name, tensors[name]!]));
