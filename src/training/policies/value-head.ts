import { existsSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { LanguageModel, Model, NamedTensors } from "../../models";
import { float32Tensor, readSafetensors, writeSafetensors } from "../../tensors";
import type { ParameterMap, Policy } from "../policy";

const FILE = "value_head.safetensors";
/** The names that TRL's models with a value head have. */
const WEIGHT = "v_head.summary.weight";
const BIAS = "v_head.summary.bias";

/** A model that says of a state what is still to be earned from it. */
export interface ValueModel extends LanguageModel {
  /** w · h + b for hidden states [rows, hidden], [rows]. */
  values(states: tf.Tensor2D): tf.Tensor1D;
}

/** Whether a model has a value head. */
export const hasValues = (model: LanguageModel): model is ValueModel => "values" in model;

/** The width of a model's hidden states. */
export function hiddenSize({ architecture, config }: Pick<Model, "architecture" | "config">): number {
  const [embedding] = architecture.tying?.embeddings ?? [];
  const shape = embedding === undefined ? undefined : architecture.parameterShapes(config)[embedding];
  if (!shape)
    throw new Error(
      `a ${architecture.name} does not say how wide its states are, so it can have no value head`,
    );
  return shape[1]!;
}

/**
 * A policy with a value head on the last hidden states, one linear layer [1, hidden] with a bias, as PPO needs it. Policy and
 * values share everything below it. It starts at 0, so that values say nothing until they have learned something. It is kept in
 * `value_head.safetensors` beside the policy's own files.
 */
export function withValueHead<P extends Policy>(policy: P, hidden: number): P {
  const head: ParameterMap = new Map([
    [WEIGHT, float32Tensor([1, hidden], new Float32Array(hidden))],
    [BIAS, float32Tensor([1], new Float32Array(1))],
  ]);
  return {
    ...policy,
    trained: new Map([...policy.trained, ...head]),
    model(tensors: NamedTensors, training: boolean): ValueModel {
      return {
        ...policy.model(tensors, training),
        values: (states) =>
          tf.reshape(tf.add(tf.matMul(states, tensors[WEIGHT]!, false, true), tensors[BIAS]!), [-1]),
      };
    },
    fingerprint: { policy: policy.fingerprint, valueHead: hidden },
    write(directory: string) {
      policy.write(directory);
      writeSafetensors(join(directory, FILE), head);
    },
    read(directory: string) {
      policy.read(directory);
      const path = join(directory, FILE);
      if (!existsSync(path)) throw new Error(`${path}: no such file; the policy's value head was kept there`);
      const { tensors } = readSafetensors(path);
      for (const [name, { shape, data }] of head) {
        const stored = tensors.get(name);
        if (stored?.dtype !== "float32" || stored.shape.join() !== shape.join())
          throw new Error(`${path}: ${name} is missing or not [${shape.join(", ")}] in float32`);
        data.set(stored.data as Float32Array);
      }
    },
  };
}
