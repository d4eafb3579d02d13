import type { CompileOptions } from "../engine";
import type { BatchSource } from "./data";
import { addTotals, metricMeans, noTotals, TrainingPrograms } from "./programs";
import type { TrainingSpec } from "./spec";
import { eventLoopTurn } from "./turn";

/** The means of an objective over a validation set. */
export interface ValidationMeans {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What an objective measures over a validation set, without dropout and smoothing. */
export async function validationMeans(
  data: Pick<BatchSource, "validationBatches">,
  batchSize: number,
  programs: TrainingPrograms,
): Promise<ValidationMeans> {
  let totals = noTotals();
  for (const batch of data.validationBatches(batchSize)) {
    totals = addTotals(totals, await programs.measure(batch));
    await eventLoopTurn();
  }
  return { loss: totals.loss.sum / Math.max(1, totals.loss.count), metrics: metricMeans(totals) };
}

/** The validation loss of a spec's parameters as they are, without training. */
export async function evaluateSpec(
  { policy, objective, data }: TrainingSpec,
  batchSize: number,
  engine: CompileOptions = {},
): Promise<number> {
  const programs = new TrainingPrograms(policy, objective, engine);
  try {
    return (await validationMeans(data, batchSize, programs)).loss;
  } finally {
    await programs.dispose();
  }
}
