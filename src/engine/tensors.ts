import type * as tf from "@tensorflow/tfjs";
import type { HostTensor } from "../tensors";
import { DeviceTensor } from "./device-memory";
import { EngineError } from "./errors";
import { flatten, type MapTree, type Tree } from "./tree";

/** The element types that programs take and give. TensorFlow.js sees 8-bit integers as int32. */
export type ProgramType = "float32" | "int32" | "bool" | "int8" | "uint8";

/** What a program is promised of an input. */
export interface TensorSpec {
  readonly dtype: ProgramType;
  readonly shape: readonly number[];
}

/** A tensor in ordinary memory, or a {@link DeviceTensor}, that a program can take or give. */
export type ProgramTensor = HostTensor<ProgramType>;

/** The inputs of a program by name, in groups as one likes. */
export type Signature = Tree<TensorSpec>;

/** The tensors that a function gets for a signature. */
export type TensorsOf<S> = MapTree<S, TensorSpec, tf.Tensor>;

/** The tensors in memory that a program takes for a signature. */
export type InputsOf<S> = MapTree<S, TensorSpec, ProgramTensor>;

/** The tensors in memory that a program gives for what its function returns. */
export type OutputsOf<R> = MapTree<R, tf.Tensor, ProgramTensor>;

/** Throws an error that names every input that is missing, unknown, or not of the type and shape that was promised. */
export function checkInputs(
  signature: ReadonlyMap<string, TensorSpec>,
  inputs: Tree<ProgramTensor>,
): Map<string, ProgramTensor> {
  const given = flatten(inputs);
  const faults: string[] = [];
  const shown = ({ dtype, shape }: TensorSpec) => `${dtype} [${shape.join(", ")}]`;
  for (const [name, spec] of signature) {
    const tensor = given.get(name);
    if (!tensor) faults.push(`${name} is missing`);
    else if (tensor.dtype !== spec.dtype || tensor.shape.join() !== spec.shape.join()) {
      faults.push(`${name} is ${shown(tensor)}, not ${shown(spec)}`);
    } else if (
      !(tensor instanceof DeviceTensor) &&
      tensor.data.length !== tensor.shape.reduce((size, length) => size * length, 1)
    ) {
      faults.push(`${name} is ${shown(tensor)} but holds ${tensor.data.length} elements`);
    }
  }
  for (const name of given.keys()) if (!signature.has(name)) faults.push(`${name} is not an input`);
  if (faults.length > 0) {
    const more = faults.length > 8 ? `\n  … and ${faults.length - 8} more` : "";
    throw new EngineError(`the inputs do not fit the program:\n  ${faults.slice(0, 8).join("\n  ")}${more}`);
  }
  return given;
}
