import type * as tf from "@tensorflow/tfjs";
import type { ProgramTensor } from "../engine";
import { float32Tensor, type HostTensor } from "../tensors";

/** Parameters in ordinary memory, by name. */
export type ParameterMap = Map<string, HostTensor<"float32">>;

/** Tensors by parameter name. */
export type NamedTensors = Record<string, tf.Tensor>;

/** A batch as a program's inputs; batches with equal specs share one program. */
export type BatchTensors = { readonly [name: string]: ProgramTensor };

/**
 * What a {@link Trainer} trains: a model with a loss over batches. Everything that knows T5, LoRA or cross-entropy is
 * behind this, so other models and losses join by implementing it.
 */
export interface TrainingTask {
  /** What is trained. The trainer updates these arrays in place. */
  readonly trained: ParameterMap;
  /** What is only read. */
  readonly frozen: ReadonlyMap<string, ProgramTensor>;
  /** Number of training examples. */
  readonly trainSize: number;
  /** The example indices of every batch of an epoch; a function of its arguments alone. */
  epochBatches(epoch: number, batchSize: number, seed: number): number[][];
  /** A batch of training examples. `rows` is the batch size; missing rows are padding. */
  trainBatch(indices: readonly number[], rows: number): BatchTensors;
  /** The batches of the validation set. */
  validationBatches(rows: number): Iterable<BatchTensors>;
  /**
   * The loss summed over the labels of a batch, a scalar, as a TensorFlow.js function. `training` asks for dropout and
   * label smoothing.
   */
  loss(parameters: NamedTensors, batch: Record<string, tf.Tensor>, training: boolean): tf.Tensor;
  /** The labels of a batch, or the sum of their weights: what the summed loss is divided by. */
  labels(batch: BatchTensors): number;
  /** Real tokens of a batch, for the log. */
  tokens(batch: BatchTensors): number;
  /**
   * What identifies model, data and task beside the trainer's own options: all that decides a step, the parameters to begin
   * with among it, and the validation examples, by which the best step is chosen.
   */
  readonly fingerprint: unknown;
  /** Writes the trained parameters in the form that users open (an adapter directory, say). */
  write(directory: string): void;
  /** Reads what `write` wrote into the trained parameters. */
  read(directory: string): void;
}

/** As many parameters of the same names and shapes, all zero. */
export function zerosLike(parameters: ParameterMap): ParameterMap {
  return new Map(
    [...parameters].map(([name, { shape, data }]) => [
      name,
      float32Tensor(shape, new Float32Array(data.length)),
    ]),
  );
}
