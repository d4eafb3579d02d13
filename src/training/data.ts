import type { ProgramTensor } from "../engine";
import type { Alarm } from "./alarms/alarm";

/** A batch as a program's inputs; batches of equal shapes share one program. */
export type BatchTensors = { readonly [name: string]: ProgramTensor };

/** Where batches come from that are there before a run begins. */
export interface BatchSource {
  /** Number of training examples. */
  readonly size: number;
  /** The example indices of every batch of an epoch; a function of its arguments alone. */
  epochBatches(epoch: number, batchSize: number, seed: number): number[][];
  /** A batch of training examples. `rows` is the batch size; missing rows are padding. */
  batch(indices: readonly number[], rows: number): BatchTensors;
  /** The batches of the validation set. */
  validationBatches(rows: number): Iterable<BatchTensors>;
  /** Real tokens of a batch, for the log. */
  tokens(batch: BatchTensors): number;
  /** What identifies the examples and how batches are made of them. */
  readonly fingerprint: unknown;
  /** What may go wrong with these data. */
  readonly alarms?: readonly Alarm[];
}
