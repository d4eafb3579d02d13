import type { Conversation } from "../corpus";
import { type EvaluationOptions, evaluateVariants, type Variant } from "../evaluation";
import type { SeededVariant } from "./effects";

/** Variants that differ in nothing but the seed of their training, under one name. */
export interface PlannedSeeds {
  readonly name: string;
  /** One a seed, the seeds in the same order for all names; a bound that is not trained has one. */
  readonly bySeed: readonly Variant[];
}

/** {@link evaluateVariants} over all names and seeds, the results by name. */
export async function evaluateSeeds(
  planned: readonly PlannedSeeds[],
  conversations: readonly Conversation[],
  options: EvaluationOptions,
): Promise<SeededVariant[]> {
  const evaluated = await evaluateVariants(
    planned.flatMap(({ bySeed }) => bySeed),
    conversations,
    options,
  );
  let next = 0;
  return planned.map(({ name, bySeed }) => ({
    name,
    bySeed: evaluated.slice(next, (next += bySeed.length)),
  }));
}
