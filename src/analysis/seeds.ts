import {
  type AskedDialogue,
  type EvaluatedVariant,
  evaluateVariants,
  type EvaluationOptions,
  identityOf,
  type Variant,
} from "../evaluation";
import { settingsOf } from "../experiments";
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
  dialogues: readonly AskedDialogue[],
  options: EvaluationOptions,
): Promise<SeededVariant[]> {
  const evaluated = await evaluateVariants(
    planned.flatMap(({ bySeed }) => bySeed),
    dialogues,
    options,
  );
  let next = 0;
  return planned.map(({ name, bySeed }) => ({
    name,
    bySeed: evaluated.slice(next, (next += bySeed.length)),
  }));
}

/** What may differ between seeds of one variant: the seed, where the adapter lies, and what chooses conversations. */
const incidental: readonly string[] = ["adapter", ...settingsOf("seed", "evaluation")];

/** The names of the settings in which two variants differ, those aside that tell seeds of one variant apart. */
export function differingSettings(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (name) => !incidental.includes(name) && JSON.stringify(a[name]) !== JSON.stringify(b[name]),
  );
}

/**
 * Puts trained variants together that differ in nothing but the seed of their training, whatever they are called and
 * wherever they lie; every other variant stands alone. Where a seed occurs twice, it goes with those that `place` says lie
 * beside it.
 */
export function groupSeeds<One extends EvaluatedVariant>(
  variants: readonly One[],
  place: (variant: One) => string = () => "",
): One[][] {
  const groups: One[][] = [];
  for (const variant of variants) {
    const open = groups.filter((group) => group.every((other) => differInSeedOnly(other, variant)));
    const beside = open.find((group) => place(group[0]!) === place(variant)) ?? open[0];
    if (beside) beside.push(variant);
    else groups.push([variant]);
  }
  return groups;
}

function differInSeedOnly(a: EvaluatedVariant, b: EvaluatedVariant): boolean {
  const [first, second] = [identityOf(a.summary), identityOf(b.summary)];
  const [x, y] = [first.trained ?? {}, second.trained ?? {}];
  return (
    first.kind === second.kind &&
    first.seed !== null &&
    second.seed !== null &&
    first.seed !== second.seed &&
    JSON.stringify(first.cut) === JSON.stringify(second.cut) &&
    a.summary.caseSet === b.summary.caseSet &&
    differingSettings(a.summary.settings, b.summary.settings).length === 0 &&
    differingSettings(x, y).length === 0
  );
}
