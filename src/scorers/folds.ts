import { join } from "node:path";
import { writeJsonLines } from "../io";
import { Random } from "../random";
import type { TrainingHooks } from "../training";
import { type Comparison, comparison, fitBaselines, LOGISTIC } from "./compare";
import { featuresOf } from "./logistic/features";
import { fitLogistic } from "./logistic/fit";
import { logisticScorer } from "./logistic/scorer";
import { type LabelMeasures, measureLabels } from "./measure";
import { openLabelScorer } from "./open";
import { type LabelledText, readLabelledTexts } from "./rows";
import type { LabelScorer } from "./scorer";
import { type ScorerTraining, trainScorer } from "./train";

/**
 * Deals rows out to folds of nearly equal size: rows of one group stay together, groups in a seeded order go to the smallest fold so
 * far. A row without a group is one by itself.
 *
 * @returns of each fold the places of its rows
 * @throws {RangeError} if there are fewer groups than folds, or fewer than two folds
 */
export function foldsOf(
  rows: readonly Pick<LabelledText, "group">[],
  count: number,
  seed: number,
): number[][] {
  const groups = new Map<string, number[]>();
  rows.forEach(({ group }, at) => {
    const name = group === undefined ? `row ${at}` : `group ${group}`;
    groups.set(name, [...(groups.get(name) ?? []), at]);
  });
  if (!Number.isInteger(count) || count < 2 || groups.size < count)
    throw new RangeError(`${groups.size} groups of rows cannot be dealt out to ${count} folds`);
  const folds: number[][] = Array.from({ length: count }, () => []);
  for (const places of new Random(seed).shuffle([...groups.values()])) {
    const smallest = folds.reduce((best, fold) => (fold.length < best.length ? fold : best));
    smallest.push(...places);
  }
  return folds.map((fold) => fold.sort((a, b) => a - b));
}

/** What makes a scorer of some rows; it is closed after use. */
export type Fit = (rows: readonly LabelledText[], fold: number) => LabelScorer | Promise<LabelScorer>;

/** The probabilities of each row by a scorer of the rows of the other folds. */
export async function crossValidate(
  rows: readonly LabelledText[],
  folds: readonly (readonly number[])[],
  fit: Fit,
): Promise<number[][]> {
  const probabilities: number[][] = rows.map(() => []);
  for (const [number, held] of folds.entries()) {
    const isHeld = new Set(held);
    const scorer = await fit(
      rows.filter((_, at) => !isHeld.has(at)),
      number,
    );
    try {
      const found = await scorer.probabilities(held.map((at) => rows[at]!.text));
      held.forEach((at, i) => (probabilities[at] = found[i]!));
    } finally {
      await scorer.close();
    }
  }
  return probabilities;
}

/** {@link crossValidate} with what a training of a logistic model says. */
export function logisticFit(
  form: Pick<LabelScorer, "name" | "labels" | "reads">,
  options: LogisticSettings,
): Fit {
  return (rows) => {
    const examples = rows.map(({ text, label }) => ({ features: featuresOf(text), label }));
    return logisticScorer(fitLogistic(examples, form.labels.length, options), form);
  };
}
type LogisticSettings = Pick<ScorerTraining, "learningRate" | "epochs" | "seed">;

/**
 * Trains and measures a scorer fold by fold: each row is scored by a scorer that was trained on the other folds' rows, and so are the
 * baselines. Rows with one `group` are never on both sides. A model's folds lie in `folds` of the folder that the settings name, and
 * are gone on with there.
 */
export async function compareFolds(
  settings: ScorerTraining,
  { folds: count = 10, ...hooks }: TrainingHooks & { readonly folds?: number } = {},
): Promise<Comparison> {
  const { name, form, kind, labels, reads, seed } = settings;
  if (kind === "reward") throw new RangeError(`${name}: folds are of scorers of labels, not of a reward`);
  const rows = readLabelledTexts(settings.train, { reads, labels });
  const folds = foldsOf(rows, count, seed);
  const wanted = rows.map(({ label }) => label);
  const measured = async (fit: Fit): Promise<LabelMeasures> =>
    measureLabels(labels, await crossValidate(rows, folds, fit), wanted);
  const model: Fit = async (others, fold) => {
    const output = join(settings.output, "folds", String(fold + 1));
    const train = join(output, "rows.jsonl");
    writeJsonLines(
      train,
      others.map(({ text, label }) => {
        const parts = typeof text === "string" ? [text] : text;
        return { ...Object.fromEntries(reads.map((field, i) => [field, parts[i]])), label: labels[label] };
      }),
    );
    const { directory, interrupted } = await trainScorer(
      { ...settings, train, valid: undefined, output },
      hooks,
    );
    if (interrupted)
      throw new Error(`stopped in fold ${fold + 1} of ${count}; the same command goes on there`);
    return openLabelScorer(directory);
  };
  const baselines: Record<string, LabelMeasures> = {};
  const named = { name, labels, reads };
  for (const baseline of Object.keys(fitBaselines(named, rows, { seed }))) {
    if (form === "logistic" && baseline === LOGISTIC) continue;
    baselines[baseline] = await measured((others) => fitBaselines(named, others, { seed })[baseline]!);
  }
  return comparison(await measured(form === "logistic" ? logisticFit(named, settings) : model), baselines);
}
