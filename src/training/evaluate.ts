import type { CompileOptions } from "../engine";
import { TrainingPrograms } from "./programs";
import type { TrainingTask } from "./task";
import { eventLoopTurn } from "./turn";

/** Mean loss over the labels of a task's validation set, in nats, without dropout and smoothing. */
export async function validationLoss(
  task: TrainingTask,
  batchSize: number,
  programs: TrainingPrograms,
): Promise<number> {
  const sums = { loss: 0, labels: 0 };
  for (const batch of task.validationBatches(batchSize)) {
    sums.loss += await programs.loss(batch);
    sums.labels += task.labels(batch);
    await eventLoopTurn();
  }
  return sums.loss / Math.max(1, sums.labels);
}

/** {@link validationLoss} of a task's parameters as they are, without training. */
export async function evaluateTask(
  task: TrainingTask,
  batchSize: number,
  engine: CompileOptions = {},
): Promise<number> {
  const programs = new TrainingPrograms(task, engine);
  try {
    return await validationLoss(task, batchSize, programs);
  } finally {
    await programs.dispose();
  }
}
