import type * as tf from "@tensorflow/tfjs";
import { type OnnxModel, recordFunction } from "../engine";
import type { NamedTensors, ProgramWeights } from "./layers";

/** Prefix of the inputs of a recorded graph that become constants of the file. */
const WEIGHTS = "weights/";

/** Tensors by the names that a file gives them. */
export type Named = Record<string, tf.Tensor>;

/** What a file takes, by the names that it gives it; int32 inputs are int64 outside. */
export type FileSignature = Record<string, { dtype: "int32" | "float32"; shape: readonly number[] }>;

/**
 * Records a function of a model as what a file holds: the weights inside, each read when its bytes are asked for; 64-bit token
 * ids and masks, as Transformers.js gives them. `dimensions` names the sizes that stay open; see `Graph`.
 */
export function fileGraph(
  weights: ProgramWeights,
  inputs: FileSignature,
  dimensions: Readonly<Record<string, number>>,
  fn: (parameters: NamedTensors, inputs: Named) => Named,
): OnnxModel {
  const recorded = recordFunction(
    ({ weights: parameters, inputs }) => fn(parameters, inputs),
    { weights: weights.signature, inputs },
    { dimensions },
  ).model;
  const isWeight = ({ name }: { name: string }) => name.startsWith(WEIGHTS);
  const short = (name: string) => name.replace(/^(weights|inputs)\//, "");
  const integers = recorded.inputs.filter((input) => !isWeight(input) && input.type === "int32");
  const narrow = new Map(integers.map(({ name }) => [name, `${short(name)}_int32`]));
  const renamed = (name: string) => narrow.get(name) ?? short(name);
  return {
    nodes: [
      ...[...narrow].map(([name, output]) => ({
        opType: "Cast",
        domain: "",
        inputs: [short(name)],
        outputs: [output],
        attributes: { to: { elementType: "int32" as const } },
      })),
      ...recorded.nodes.map((node) => ({ ...node, inputs: node.inputs.map(renamed) })),
    ],
    constants: [
      ...recorded.constants,
      ...recorded.inputs.filter(isWeight).map(({ name, type, shape }) => ({
        name: short(name),
        type,
        shape: shape as readonly number[],
        get bytes() {
          const { data } = weights.tensorOf(short(name));
          return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        },
      })),
    ],
    inputs: recorded.inputs
      .filter((input) => !isWeight(input))
      .map(({ name, type, shape }) => ({
        name: short(name),
        type: type === "int32" ? "int64" : type,
        shape,
      })),
    outputs: recorded.outputs,
  };
}
