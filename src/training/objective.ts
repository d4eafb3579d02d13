import type * as tf from "@tensorflow/tfjs";
import type { LanguageModel, NamedTensors } from "../models";
import type { Alarm } from "./alarms/alarm";

/** A mean as what it is made of, so that batches can be put together: Σ sum / Σ count, both scalars. */
export interface Mean {
  readonly sum: tf.Scalar;
  readonly count: tf.Scalar;
}

/** What an objective makes of a batch. */
export interface Measured {
  /** What training lowers. Its sum is differentiated; a step divides by the count of all its batches. */
  readonly loss: Mean;
  /** What is logged beside it, by name. */
  readonly metrics?: Readonly<Record<string, Mean>>;
}

/** What is learned: a function of a model and a batch, which is recorded into one program with the model and its gradients. */
export interface Objective {
  /** @param training whether this is a training step, not an evaluation: asks for label smoothing and the like */
  measure(model: LanguageModel, batch: NamedTensors, training: boolean): Measured;
  /** What identifies it, its settings included. */
  readonly fingerprint: unknown;
  /** What may go wrong with it, by what it logs. */
  readonly alarms?: readonly Alarm[];
}
