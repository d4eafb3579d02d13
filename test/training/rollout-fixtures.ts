import { readAdapter } from "../../src/models/lora/adapter";
import { noTotals, TrainingPrograms } from "../../src/training/programs";
import { zerosLike } from "../../src/training/policy";
import type { Policy } from "../../src/training/policy";
import { loraPolicy } from "../../src/training/policies/lora";
import type { OnlineObjective, Rollout } from "../../src/training/rollouts/rollout";
import { stepsOf } from "../../src/training/rollouts/completion-batch";
import { lessonBatch as batchOfLesson } from "../../src/training/rollouts/lesson-batch";
import type { BatchTensors } from "../../src/training/data";
import type { LlamaFixture } from "../models/llama-fixtures";

type Rows = number[][];

/** `rl/rollouts.json`. */
export interface RolloutsFile {
  readonly prompts: Rows;
  readonly group_size: number;
  readonly max_completion_length: number;
  readonly eos_token_id: number;
  readonly pad_token_id: number;
  readonly responses: Rows;
  readonly scores: number[];
}

/** A policy over a fixture's model with one of its adapters, no dropout. */
export function adapted(fixture: LlamaFixture, adapter: string) {
  const model = fixture.model();
  const start = readAdapter(`${fixture.directory}/${adapter}`, model);
  return loraPolicy(model, {
    lora: { ...start.config, dropout: 0 },
    unfreezing: {},
    seed: 0,
    baseModel: null,
    start,
    dropout: false,
  });
}

/** The rollouts of a fixture with logprobs [rows, steps] that are given for padding too. */
export function rolloutsOf(
  file: RolloutsFile,
  given: { scores?: number[]; logprobs: Rows; reference: Rows; values?: Rows },
): Rollout[] {
  return file.responses.map((completionIds, i) => {
    const group = Math.floor(i / file.group_size);
    const { length } = completionIds;
    const steps = stepsOf({ completionIds }, { stepBehindEnd: true, limit: file.max_completion_length });
    return {
      group,
      promptIds: file.prompts[group]!,
      completionIds,
      ended: completionIds.at(-1) === file.eos_token_id,
      score: (given.scores ?? file.scores)[i]!,
      logprobs: given.logprobs[i]!.slice(0, length),
      referenceLogprobs: given.reference[i]!.slice(0, length),
      ...(given.values && { values: given.values[i]!.slice(0, steps) }),
    };
  });
}

/** Rollouts and their lesson as a batch, as rollouts of a live policy are made into one. */
export function lessonBatch(
  objective: OnlineObjective,
  rollouts: readonly Rollout[],
  { klCoefficient, limit, rows = rollouts.length }: { klCoefficient: number; limit: number; rows?: number },
  indices: readonly number[] = [...rollouts.keys()],
): BatchTensors {
  const steps = Math.ceil(limit / 8) * 8;
  const inputLength = Math.max(...rollouts.map(({ promptIds }) => promptIds.length)) + steps;
  const way = { taskType: "CAUSAL_LM", padTokenId: 0, stepBehindEnd: objective.needsValues } as const;
  const lesson = objective.learnFrom(rollouts, klCoefficient);
  return batchOfLesson(
    { rollouts, lesson, shape: { ...way, rows, inputLength, steps, limit }, klCoefficient },
    indices,
  );
}

/** What an objective measures of batches of one step: the mean loss, metrics, and the mean gradient by parameter. */
export async function measured(
  policy: Policy,
  objective: OnlineObjective,
  batches: readonly BatchTensors[],
  engine = {},
) {
  const programs = new TrainingPrograms(policy, objective, engine);
  const gradients = zerosLike(policy.trained);
  let [sum, count] = [0, 0];
  let last = noTotals();
  try {
    for (const batch of batches) {
      const into = zerosLike(policy.trained);
      last = await programs.gradients(batch, { seed: 0, step: 0 }, into);
      sum += last.loss.sum;
      count += last.loss.count;
      for (const [name, { data }] of gradients) into.get(name)!.data.forEach((x, i) => (data[i]! += x));
    }
  } finally {
    await programs.dispose();
  }
  for (const { data } of gradients.values()) data.forEach((x, i) => (data[i] = x / count));
  return { loss: sum / count, totals: last, gradients };
}
