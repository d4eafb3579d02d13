import { sha256 } from "../io";
import type { TaskType } from "../models";
import { batchOrder, causalExample, collate, type Example } from "./batches";
import type { BatchSource } from "./data";
import { packedBatchTensors, tokenCount } from "./tensors";

/** The rows left when padding is left out are rounded up to a multiple of this; each number of rows is compiled once. */
export const ROWS_TO_MULTIPLE_OF = 64;

export interface ExampleBatchesOptions {
  /** Whether a target is a sequence of its own or follows its input. */
  readonly taskType: TaskType;
  readonly padTokenId: number;
  /** Batch lengths are rounded up to a multiple of this; every distinct shape is compiled once. */
  readonly padToMultipleOf: number;
}

/**
 * Examples of input and target as batches of similar length, with what leaves padding out. Those of a causal model become rows in
 * which the target follows its input.
 */
export function exampleBatches(
  trainExamples: readonly Example[],
  validationExamples: readonly Example[],
  options: ExampleBatchesOptions,
): BatchSource {
  const asRows = (examples: readonly Example[]) =>
    options.taskType === "CAUSAL_LM" ? examples.map(causalExample) : examples;
  return rowBatches(asRows(trainExamples), asRows(validationExamples), options);
}

/** The same for examples that are rows already: labels of a causal model stand at their own tokens. */
export function rowBatches(
  train: readonly Example[],
  validation: readonly Example[],
  { taskType, padTokenId, padToMultipleOf }: ExampleBatchesOptions,
): BatchSource {
  const batchTensors = (examples: readonly Example[], indices: readonly number[], rows: number) =>
    packedBatchTensors(
      collate(examples, indices, { padTokenId, rows, padToMultipleOf }),
      ROWS_TO_MULTIPLE_OF,
    );
  return {
    size: train.length,
    epochBatches: (epoch, batchSize, seed) => batchOrder(train, { batchSize, seed, epoch }),
    batch: (indices, rows) => batchTensors(train, indices, rows),
    *validationBatches(rows) {
      for (const indices of batchOrder(validation, { batchSize: rows, seed: 0, epoch: 0 })) {
        yield batchTensors(validation, indices, rows);
      }
    },
    tokens: (batch) => tokenCount(batch, taskType),
    fingerprint: {
      taskType,
      padToMultipleOf,
      examples: sha256(JSON.stringify(train)),
      validation: sha256(JSON.stringify(validation)),
    },
  };
}
