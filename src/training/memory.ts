import type { BatchTensors } from "./data";
import type { TrainingOptions } from "./options";
import { TrainingPrograms } from "./programs";
import type { TrainingSpec } from "./spec";

/**
 * The most memory that a step takes beside parameters, gradients and moments, in bytes: that of the first epoch's largest batch.
 * Nothing is computed.
 */
export function trainingBytes(
  { policy, objective, data }: TrainingSpec,
  { batchSize, seed }: Pick<TrainingOptions, "batchSize" | "seed">,
): number {
  let largest: BatchTensors | undefined;
  const size = (batch: BatchTensors | undefined) => batch?.["inputIds"]!.data.length ?? 0;
  for (const indices of data.epochBatches(0, batchSize, seed)) {
    const batch = data.batch(indices, batchSize);
    if (size(batch) > size(largest)) largest = batch;
  }
  return new TrainingPrograms(policy, objective, {}).stepBytes(largest!);
}
