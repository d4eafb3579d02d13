import { float32Tensor } from "../../tensors";
import type { BatchTensors } from "../data";
import { completionBatch, type CompletionShape } from "./completion-batch";
import type { Lesson, Rollout } from "./rollout";

/** Rollouts, what the objective made of them, and how they become batches. */
export interface LessonBatches {
  readonly rollouts: readonly Rollout[];
  readonly lesson: Lesson;
  readonly shape: CompletionShape;
  readonly klCoefficient: number;
}

/** The rollouts at `indices` as a batch of an `OnlineObjective`. */
export function lessonBatch(
  { rollouts, lesson, shape, klCoefficient }: LessonBatches,
  indices: readonly number[],
): BatchTensors {
  const chosen = indices.map((i) => rollouts[i]!);
  const perStep = {
    ...Object.fromEntries(
      Object.entries(lesson.perStep).map(([name, rows]) => [name, indices.map((i) => rows[i]!)]),
    ),
    completionMask: chosen.map(({ completionIds }) => completionIds.map(() => 1)),
    logprobs: chosen.map(({ logprobs }) => logprobs),
    referenceLogprobs: chosen.map(({ referenceLogprobs }) => referenceLogprobs),
  };
  const table = (rows: readonly ArrayLike<number>[], width: number) => {
    const data = new Float32Array(shape.rows * width);
    rows.forEach((row, at) => data.set(row, at * width));
    return float32Tensor([shape.rows, width], data);
  };
  const tables = [
    ...Object.entries(perStep).map(([name, rows]) => [name, table(rows, shape.steps)] as const),
    ...Object.entries(lesson.perRollout).map(([name, values]) => {
      const rows = indices.map((i) => [values[i]!]);
      return [name, table(rows, 1)] as const;
    }),
  ];
  return {
    ...completionBatch(chosen, shape),
    ...Object.fromEntries(tables),
    klCoefficient: float32Tensor([], Float32Array.of(klCoefficient)),
  };
}
