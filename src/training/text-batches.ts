import { sha256 } from "../io";
import { IGNORED_LABEL } from "../models";
import { int32Tensor } from "../tensors";
import { batchOrder, collate, type Example } from "./batches";
import type { BatchSource, BatchTensors } from "./data";
import { type ExampleBatchesOptions, ROWS_TO_MULTIPLE_OF } from "./example-batches";
import type { Pair } from "./pairs";
import { packedBatchTensors, tokenCount } from "./tensors";

/** Texts that are scored together, in token ids, and their label: one text, the two of a pair, or a chosen and a rejected one. */
export interface TextExample {
  readonly texts: readonly (readonly number[])[];
  /** The index of the label; 0 for a chosen and a rejected text. */
  readonly label: number;
}

/** Pairs of answers as a reward model learns from them: each answer behind its prompt. */
export const rewardExamples = (pairs: readonly Pair[]): TextExample[] =>
  pairs.map(({ promptIds, chosenIds, rejectedIds }) => ({
    texts: [
      [...promptIds, ...chosenIds],
      [...promptIds, ...rejectedIds],
    ],
    label: 0,
  }));

export type TextBatchesOptions = Omit<ExampleBatchesOptions, "taskType">;

/** Texts of examples as rows of batches: row n k + j of a batch is text j of its k-th example, of n texts. */
export class TextRows {
  private readonly rows: readonly Example[];
  private readonly longest: readonly Example[];
  private readonly textsEach: number;

  /**
   * Tokens of padding at a text's end are left off, as transformers' classes leave them out: the last token of a text is the last
   * other one, also where a model ends its texts in the token that it pads with.
   *
   * @throws {RangeError} if a text has no tokens, or examples have different numbers of texts
   */
  constructor(
    private readonly examples: readonly TextExample[],
    private readonly options: TextBatchesOptions,
  ) {
    this.textsEach = examples[0]?.texts.length ?? 1;
    const { textsEach } = this;
    this.rows = examples.flatMap(({ texts }, i) => {
      if (texts.length !== textsEach)
        throw new RangeError(`example ${i + 1} has ${texts.length} texts, the first has ${textsEach}`);
      return texts.map((ids) => {
        let end = ids.length;
        while (end > 0 && ids[end - 1] === options.padTokenId) end--;
        if (end === 0) throw new RangeError(`example ${i + 1} has a text without tokens`);
        return { inputIds: ids.slice(0, end), labels: [] };
      });
    });
    this.longest = examples.map((_, i) =>
      this.rows
        .slice(i * textsEach, (i + 1) * textsEach)
        .reduce((a, b) => (b.inputIds.length > a.inputIds.length ? b : a)),
    );
  }

  get size(): number {
    return this.examples.length;
  }

  /** Indices of the examples of an epoch's batches, those of similar length together. */
  order(batchSize: number, seed: number, epoch: number): number[][] {
    return batchOrder(this.longest, { batchSize, seed, epoch });
  }

  /** The batch of these examples, filled up to `size` with padding, which has the label −100. */
  batch(indices: readonly number[], size: number): BatchTensors {
    const { textsEach } = this;
    const rows = indices.flatMap((index) =>
      Array.from({ length: textsEach }, (_, j) => index * textsEach + j),
    );
    const padded = collate(this.rows, rows, { ...this.options, rows: size * textsEach });
    const { labels: _, labelRows: __, ...texts } = packedBatchTensors(padded, ROWS_TO_MULTIPLE_OF);
    const labels = new Int32Array(size).fill(IGNORED_LABEL);
    indices.forEach((index, k) => (labels[k] = this.examples[index]!.label));
    return { ...texts, labels: int32Tensor([size], labels) };
  }

  get fingerprint(): string {
    return sha256(
      JSON.stringify([this.rows.map(({ inputIds }) => inputIds), this.examples.map(({ label }) => label)]),
    );
  }
}

/** Texts with labels, or chosen and rejected ones, as batches of similar length; a batch of n examples has n times their texts. */
export function textBatches(
  train: readonly TextExample[],
  validation: readonly TextExample[],
  options: TextBatchesOptions,
): BatchSource {
  const [trainRows, validationRows] = [train, validation].map(
    (examples) => new TextRows(examples, options),
  ) as [TextRows, TextRows];
  return {
    size: trainRows.size,
    epochBatches: (epoch, batchSize, seed) => trainRows.order(batchSize, seed, epoch),
    batch: (indices, size) => trainRows.batch(indices, size),
    *validationBatches(size) {
      for (const indices of validationRows.order(size, 0, 0)) yield validationRows.batch(indices, size);
    },
    tokens: (batch) => tokenCount(batch, "CAUSAL_LM"),
    fingerprint: {
      padToMultipleOf: options.padToMultipleOf,
      texts: trainRows.fingerprint,
      validation: validationRows.fingerprint,
    },
  };
}
