import { type TraitName, traitNames } from "../corpus";
import { resolve, join } from "node:path";
import { bootstrapInterval, type Interval } from "../metrics";
import {
  crossValidate,
  embeddedScorers,
  foldsOf,
  type LabelledText,
  type LabelScorer,
  logisticFit,
  measureLabels,
  openLabelScorer,
} from "../scorers";
import { kappaMetric } from "../statistics";
import { spokenRows, traitLabels, type TraitRow } from "./trait-rows";
import type { TraitLevel } from "./traits";
import type { TraitDialogue } from "./twins";

/** A scorer of each trait: its labels are `low` and `high`. */
export type TraitScorers = Readonly<Record<TraitName, LabelScorer>>;

/** How the logistic scorers of this study are fitted: as those that are embedded. */
const LOGISTIC = { learningRate: 0.1, epochs: 20, seed: 13 } as const;

const form = (trait: TraitName) => ({ name: trait, labels: [...traitLabels], reads: ["text"] });
const labelled = (rows: readonly TraitRow[]): LabelledText[] =>
  rows.map(({ text, label, group }) => ({ text, label: traitLabels.indexOf(label), group }));
const byTrait = async <T>(of: (trait: TraitName) => Promise<T>): Promise<Record<TraitName, T>> => {
  const all: [TraitName, T][] = [];
  for (const trait of traitNames) all.push([trait, await of(trait)]);
  return Object.fromEntries(all) as Record<TraitName, T>;
};

/** The scorers that come with the project: of what somebody says in a dialogue. `data/scorers/traits` says how good each is. */
export function openTraitScorers(folder = join(resolve(embeddedScorers), "traits")): Promise<TraitScorers> {
  return byTrait((trait) => openLabelScorer(join(folder, trait)));
}

/**
 * Logistic scorers of what speakers say, fitted to the dialogues that were written with regard to traits.
 *
 * @throws {RangeError} naming a trait that no two speakers have at different levels
 */
export async function fitTraitScorers(dialogues: readonly TraitDialogue[]): Promise<TraitScorers> {
  return byTrait(async (trait) =>
    logisticFit(form(trait), LOGISTIC)(labelled(toldRows(dialogues, trait)), 0),
  );
}

function toldRows(dialogues: readonly TraitDialogue[], trait: TraitName): TraitRow[] {
  const rows = spokenRows(
    dialogues.filter((one) => one.form === "traits"),
    trait,
  );
  const missing = traitLabels.find((level) => !rows.some(({ label }) => label === level));
  if (missing !== undefined)
    throw new RangeError(
      `nobody has ${missing} ${trait} in these dialogues: it cannot be told from what they say`,
    );
  return rows;
}

/** How well one trait is told from what speakers say, each by a scorer of other dialogues. */
export interface TraitAgreement {
  readonly trait: TraitName;
  readonly speakers: number;
  readonly accuracy: Interval;
  /** With the given labels, beyond chance. */
  readonly kappa: Interval;
  /** Given low and high (rows), said low and high (columns). */
  readonly confusion: readonly (readonly number[])[];
  /** κ of the same scorers, all dialogues' together, on the twins that were written without regard to traits: chance, if what is told is the trait. */
  readonly onTwins: Interval | undefined;
}

/**
 * Measures by folds, dialogues of one pair together, whether a trait can be told from what somebody says; then, on the twins, whether
 * it is told from what they are (their facts are the same there) and not from how they speak.
 */
export async function traitAgreement(
  dialogues: readonly TraitDialogue[],
  { folds = 10, seed = 13 }: { readonly folds?: number; readonly seed?: number } = {},
): Promise<TraitAgreement[]> {
  const all: TraitAgreement[] = [];
  for (const trait of traitNames) {
    const rows = labelled(toldRows(dialogues, trait));
    const groups = new Set(rows.map(({ group }) => group)).size;
    const fit = logisticFit(form(trait), LOGISTIC);
    const found = await crossValidate(rows, foldsOf(rows, Math.min(folds, groups), seed), fit);
    const measures = measureLabels(
      traitLabels,
      found,
      rows.map(({ label }) => label),
    );
    const twins = labelled(
      spokenRows(
        dialogues.filter((one) => one.form === "plain"),
        trait,
      ),
    );
    all.push({
      trait,
      speakers: rows.length,
      accuracy: measures.accuracy,
      kappa: measures.kappa,
      confusion: measures.confusion,
      onTwins: twins.length === 0 ? undefined : await twinKappa(rows, twins, fit),
    });
  }
  return all;
}

/** Of each twin by a scorer that has not read its pair: two folds, so that the facts of the persona are new to it. */
async function twinKappa(
  rows: readonly LabelledText[],
  twins: readonly LabelledText[],
  fit: ReturnType<typeof logisticFit>,
): Promise<Interval> {
  const [given, said]: [string[], string[]] = [[], []];
  const pairs = [...new Set(twins.map(({ group }) => group))];
  for (const half of [0, 1]) {
    const held = new Set(pairs.filter((_, i) => i % 2 === half));
    const scorer = await fit(
      rows.filter(({ group }) => !held.has(group)),
      half,
    );
    const asked = twins.filter(({ group }) => held.has(group));
    const found = await scorer.probabilities(asked.map(({ text }) => text));
    asked.forEach(({ label }, i) => {
      given.push(traitLabels[label]!);
      said.push(traitLabels[found[i]![1]! > 0.5 ? 1 : 0]);
    });
  }
  return bootstrapInterval(kappaMetric(given, said));
}

/**
 * How much of a trait each text shows to its scorer: the log-odds ln p(high) / p(low). Texts without words show nothing: 0.
 */
export async function traitScores(scorer: LabelScorer, texts: readonly string[]): Promise<number[]> {
  const asked = texts.flatMap((text, i) => (text.trim() === "" ? [] : [i]));
  const found = await scorer.probabilities(asked.map((i) => texts[i]!));
  const scores = texts.map(() => 0);
  asked.forEach((i, at) => {
    const [low, high] = found[at] as [number, number];
    scores[i] = Math.log(Math.max(high, Number.MIN_VALUE)) - Math.log(Math.max(low, Number.MIN_VALUE));
  });
  return scores;
}

/** What a persona's facts say of one trait. */
export interface TraitLabel {
  readonly trait: TraitName;
  readonly label: TraitLevel | "no clue";
  /** The fact that tells it most. */
  readonly statement?: string;
  /** Log-odds of all facts together. */
  readonly score: number;
}

/** Log-odds from which a scorer's word is taken for a label: three to one. */
export const LEAST_ODDS = Math.log(3);

/** Labels of a persona without a teacher: by the scorers, from facts or from all that somebody said, with the sentence that tells. */
export async function scoredLabels(
  scorers: TraitScorers,
  sentences: readonly string[],
): Promise<TraitLabel[]> {
  const labels: TraitLabel[] = [];
  for (const trait of traitNames) {
    const [score, ...each] = (await traitScores(scorers[trait], [sentences.join("\n"), ...sentences])) as [
      number,
      ...number[],
    ];
    const label = score >= LEAST_ODDS ? "high" : score <= -LEAST_ODDS ? "low" : "no clue";
    const sign = Math.sign(score);
    const best = each.reduce((at, value, i) => (sign * value > sign * (each[at] ?? -Infinity) ? i : at), 0);
    labels.push({ trait, label, score, ...(label !== "no clue" && { statement: sentences[best]! }) });
  }
  return labels;
}
