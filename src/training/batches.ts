import { IGNORED_LABEL } from "../models";
import { Random } from "../random";

/** One training example: token ids of the input and of the target, both ending in the end-of-sequence token. */
export interface Example {
  readonly inputIds: readonly number[];
  readonly labels: readonly number[];
  /** How much each label counts in the loss; without them all count 1. */
  readonly labelWeights?: readonly number[];
  /** Of several sequences in one row of a causal model: how many tokens each has. None sees another. */
  readonly sequenceLengths?: readonly number[];
  /** Of a mixture of tasks: which one, by its place among them. */
  readonly task?: number;
}

/** A padded batch. Arrays are row-major, [rows, length]. */
export interface Batch {
  /** Index of each row's example; rows past its end are padding and leave the loss. */
  readonly examples: readonly number[];
  readonly rows: number;
  readonly inputLength: number;
  readonly labelLength: number;
  /** [rows, inputLength], padded with `padTokenId`. */
  readonly inputIds: Int32Array;
  /** [rows, inputLength], 1 for a token and 0 for padding; tokens of several sequences in a row have their numbers, 1, 2, …. */
  readonly attentionMask: Int32Array;
  /** [rows, labelLength], padded with {@link IGNORED_LABEL}. */
  readonly labels: Int32Array;
  /** [rows, labelLength], where an example of the batch has weights. */
  readonly labelWeights?: Float32Array;
  /** [rows], of a mixture of tasks: which one each row is of, −1 for padding. */
  readonly tasks?: Int32Array;
}

/** How many batches are sorted by length together; Hugging Face's `LengthGroupedSampler` takes 50 as well. */
const BATCHES_SORTED_TOGETHER = 50;

export interface BatchOrderOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
}

/**
 * The example indices of an epoch's batches. A function of its arguments alone, so a run resumes at a batch number.
 *
 * Examples are shuffled, cut into groups of 50 batches, each group is sorted by length, and the batches of the whole
 * epoch are shuffled again: rows of a batch have nearly one length, so little padding is computed, and the order of
 * lengths still tells the optimizer nothing. The last batch may be short.
 */
export function batchOrder(examples: readonly Example[], options: BatchOrderOptions): number[][] {
  const { batchSize, seed, epoch } = options;
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new RangeError(`batchSize must be a whole number above 0, not ${batchSize}`);
  }
  const random = new Random(seed).fork(epoch);
  const order = random.shuffle(examples.map((_, index) => index));
  const groupSize = batchSize * BATCHES_SORTED_TOGETHER;
  const batches: number[][] = [];
  for (let start = 0; start < order.length; start += groupSize) {
    const group = order.slice(start, start + groupSize);
    group.sort((a, b) => compareLengths(examples[a]!, examples[b]!));
    for (let i = 0; i < group.length; i += batchSize) batches.push(group.slice(i, i + batchSize));
  }
  return random.shuffle(batches);
}

function compareLengths(a: Example, b: Example): number {
  return b.inputIds.length - a.inputIds.length || b.labels.length - a.labels.length;
}

/**
 * An example as one row of a causal model: the target follows the input, and only the target has labels, but for a row's first
 * token, which nothing is before.
 */
export function causalExample({ inputIds, labels, labelWeights }: Example): Example {
  const before = <T>(value: T) => inputIds.map(() => value);
  const taught = inputIds.length > 0 ? labels : [IGNORED_LABEL, ...labels.slice(1)];
  return {
    inputIds: [...inputIds, ...labels],
    labels: [...before(IGNORED_LABEL), ...taught],
    ...(labelWeights && { labelWeights: [...before(1), ...labelWeights] }),
  };
}

export interface CollateOptions {
  readonly padTokenId: number;
  /** Rows of the batch; missing ones are filled with padding, so that every batch has one shape. */
  readonly rows: number;
  /** Lengths are rounded up to a multiple of this, so that few shapes occur (each is compiled once). */
  readonly padToMultipleOf: number;
}

/** Pads the examples at `indices` into one batch. */
export function collate(
  examples: readonly Example[],
  indices: readonly number[],
  options: CollateOptions,
): Batch {
  const { padTokenId, rows, padToMultipleOf } = options;
  const chosen = indices.map((index) => examples[index]!);
  const roundUp = (length: number) => Math.max(1, Math.ceil(length / padToMultipleOf)) * padToMultipleOf;
  const inputLength = roundUp(Math.max(...chosen.map((example) => example.inputIds.length)));
  const labelLength = roundUp(Math.max(...chosen.map((example) => example.labels.length)));
  const inputIds = new Int32Array(rows * inputLength).fill(padTokenId);
  const attentionMask = new Int32Array(rows * inputLength);
  const labels = new Int32Array(rows * labelLength).fill(IGNORED_LABEL);
  const weighted = chosen.some((example) => example.labelWeights);
  const labelWeights = weighted ? new Float32Array(rows * labelLength) : undefined;
  const tasks = chosen.some(({ task }) => task !== undefined) ? new Int32Array(rows).fill(-1) : undefined;
  chosen.forEach((example, row) => {
    inputIds.set(example.inputIds, row * inputLength);
    let at = row * inputLength;
    for (const [i, length] of (example.sequenceLengths ?? [example.inputIds.length]).entries())
      attentionMask.fill(i + 1, at, (at += length));
    labels.set(example.labels, row * labelLength);
    labelWeights?.set(example.labelWeights ?? example.labels.map(() => 1), row * labelLength);
    tasks?.set([example.task ?? -1], row);
  });
  return {
    examples: indices,
    rows,
    inputLength,
    labelLength,
    inputIds,
    attentionMask,
    labels,
    ...(labelWeights && { labelWeights }),
    ...(tasks && { tasks }),
  };
}
