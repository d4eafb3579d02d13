import { sha256 } from "../io";
import { batchOrder, type BatchOrderOptions, causalExample, collate, type Example } from "./batches";
import type { BatchSource, BatchTensors } from "./data";
import { type ExampleBatchesOptions, ROWS_TO_MULTIPLE_OF } from "./example-batches";
import { packedBatchTensors, tokenCount } from "./tensors";
import { float32Tensor } from "../tensors";

/** A prompt and two answers to it, in token ids. Answers end in the token that ends a turn or text. */
export interface Pair {
  readonly promptIds: readonly number[];
  readonly chosenIds: readonly number[];
  readonly rejectedIds: readonly number[];
}

/** Pairs as rows of batches: row 2k of a batch is the chosen answer of its k-th pair, row 2k + 1 the rejected one. */
export class PairRows {
  /** Both answers of every pair, one after the other. */
  private readonly rows: readonly Example[];
  /** The longer one of each pair. */
  private readonly longer: readonly Example[];

  constructor(
    pairs: readonly Pair[],
    private readonly options: ExampleBatchesOptions,
  ) {
    const row = (inputIds: readonly number[], labels: readonly number[]): Example =>
      options.taskType === "CAUSAL_LM" ? causalExample({ inputIds, labels }) : { inputIds, labels };
    this.rows = pairs.flatMap(({ promptIds, chosenIds, rejectedIds }) => [
      row(promptIds, chosenIds),
      row(promptIds, rejectedIds),
    ]);
    this.longer = pairs.map(({ chosenIds, rejectedIds }, i) =>
      chosenIds.length >= rejectedIds.length ? this.rows[2 * i]! : this.rows[2 * i + 1]!,
    );
  }

  get size(): number {
    return this.longer.length;
  }

  /** Indices of the pairs of an epoch's batches, those of similar length together. */
  order(options: BatchOrderOptions): number[][] {
    return batchOrder(this.longer, options);
  }

  /** The batch of these pairs, filled up to `pairs` with padding. */
  batch(indices: readonly number[], pairs: number): BatchTensors {
    const { padTokenId, padToMultipleOf } = this.options;
    const rows = indices.flatMap((index) => [2 * index, 2 * index + 1]);
    const padded = collate(this.rows, rows, { padTokenId, rows: 2 * pairs, padToMultipleOf });
    return packedBatchTensors(padded, ROWS_TO_MULTIPLE_OF);
  }

  get fingerprint(): unknown {
    const { taskType, padToMultipleOf } = this.options;
    return { taskType, padToMultipleOf, pairs: sha256(JSON.stringify(this.rows)) };
  }
}

/** Pairs, and what a reference says of their answers. */
export interface ScoredPairs {
  readonly pairs: readonly Pair[];
  /** Log-probability of the chosen and of the rejected answer of each pair, [2 · pairs]. */
  readonly referenceLogprobs: Float32Array;
}

export interface PairBatchesOptions extends ExampleBatchesOptions {
  /** What identifies the reference. */
  readonly reference: unknown;
}

/** Pairs as batches of similar length, with the reference's log-probabilities; a batch of n pairs has 2 n rows. */
export function pairBatches(
  train: ScoredPairs,
  validation: ScoredPairs,
  options: PairBatchesOptions,
): BatchSource {
  const [trainRows, validationRows] = [train, validation].map(({ pairs, referenceLogprobs }) => {
    if (referenceLogprobs.length !== 2 * pairs.length)
      throw new RangeError(
        `${pairs.length} pairs need ${2 * pairs.length} log-probabilities of the reference, not ${referenceLogprobs.length}`,
      );
    return new PairRows(pairs, options);
  }) as [PairRows, PairRows];
  const batch = (
    rows: PairRows,
    { referenceLogprobs }: ScoredPairs,
    indices: readonly number[],
    n: number,
  ) => {
    const reference = new Float32Array(2 * n);
    indices.forEach((index, i) => reference.set(referenceLogprobs.subarray(2 * index, 2 * index + 2), 2 * i));
    return { ...rows.batch(indices, n), referenceLogprobs: float32Tensor([2 * n], reference) };
  };
  return {
    size: trainRows.size,
    epochBatches: (epoch, batchSize, seed) => trainRows.order({ batchSize, seed, epoch }),
    batch: (indices, pairs) => batch(trainRows, train, indices, pairs),
    *validationBatches(pairs) {
      for (const indices of validationRows.order({ batchSize: pairs, seed: 0, epoch: 0 }))
        yield batch(validationRows, validation, indices, pairs);
    },
    tokens: (batch) => tokenCount(batch, options.taskType),
    fingerprint: {
      pairs: trainRows.fingerprint,
      validation: validationRows.fingerprint,
      reference: options.reference,
    },
  };
}
