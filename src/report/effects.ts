import type { CaseMetric } from "../evaluation";
import { bootstrapMean, meanMetric, pairedRandomizationTest } from "../metrics";
import type { FoundVariant } from "./found";

/** The scores that effects are measured in. */
export const effectMetrics = ["rougeL", "jaccard", "personaCoverage", "personaCoverageContent"] as const;

/** Below it an effect is called one. */
export const significance = 0.05;

/** Random assignments of each paired test. */
export const trials = 10_000;

/** What is changed between the two sides of an effect. */
export type EffectKind = "training" | "unfreezing" | "retrieval" | "content" | "length" | "bound";

/** A question that two groups of variants answer: variants that differ in one thing, a pair for each seed. */
export interface Contrast {
  kind: EffectKind;
  a: readonly FoundVariant[];
  b: readonly FoundVariant[];
}

/** The difference a − b of one score; an entry of `effects` in `computed.json`. */
export interface Effect {
  kind: EffectKind;
  /** Names of the variants; several are seeds, whose scores are averaged case by case. */
  a: string[];
  b: string[];
  /** The files with their cases. */
  files: string[];
  metric: CaseMetric;
  cases: number;
  difference: number;
  /** 95 % bootstrap interval of the difference. */
  low: number;
  high: number;
  /** Of the paired randomisation test, and adjusted for all effects of its kind (Holm 1979). */
  pValue: number;
  adjusted: number;
}

/** Measures every contrast in every score of {@link effectMetrics}. */
export function measureEffects(contrasts: readonly Contrast[], seed: number): Effect[] {
  const effects = contrasts.flatMap(({ kind, a, b }) =>
    effectMetrics.map((metric): Omit<Effect, "adjusted"> => {
      const [inA, inB] = [caseMeans(a, metric), caseMeans(b, metric)];
      const test = pairedRandomizationTest(meanMetric(inA), meanMetric(inB), { seed, trials });
      const { low, high } = bootstrapMean(
        inA.map((value, i) => value - inB[i]!),
        { seed },
      );
      return {
        kind,
        a: a.map(({ name }) => name),
        b: b.map(({ name }) => name),
        files: [...new Set([...a, ...b].map(({ file }) => casesFile(file)))],
        metric,
        cases: inA.length,
        difference: test.difference,
        low,
        high,
        pValue: test.pValue,
      };
    }),
  );
  const kinds = [...new Set(effects.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => {
    const family = effects.filter((effect) => effect.kind === kind);
    const adjusted = holm(family.map(({ pValue }) => pValue));
    return family.map((effect, i) => ({ ...effect, adjusted: adjusted[i]! }));
  });
}

/** The mean over the variants of each case's score. */
function caseMeans(variants: readonly FoundVariant[], metric: CaseMetric): number[] {
  return variants[0]!.cases.map(
    (_, i) => variants.reduce((sum, { cases }) => sum + cases[i]!.metrics[metric], 0) / variants.length,
  );
}

const casesFile = (summary: string) => summary.replace(/stage3_summary(.*)\.json$/, "stage3_cases$1.jsonl");

/**
 * Holm's adjusted p-values: sorted p₍₁₎ ≤ … ≤ p₍ₘ₎ become max over j ≤ i of (m − j + 1) · p₍ⱼ₎, at most 1. Rejecting
 * those at or below α keeps the chance of any false rejection at α.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  order.forEach(({ p, i }, rank) => {
    highest = Math.max(highest, Math.min(1, (pValues.length - rank) * p));
    adjusted[i] = highest;
  });
  return adjusted;
}

/**
 * The contrasts that the variants on disk allow: a trained model and its base; unfrozen blocks and none; retrieved
 * snippets and none; retrieved snippets and random ones; longer and shorter answers; and every model beside a random
 * conversation cut to about its length. Both sides of a contrast have all other settings in common.
 */
export function findContrasts(variants: readonly FoundVariant[]): Contrast[] {
  const models = groupSeeds(variants.filter(({ kind }) => kind === "model"));
  const bases = groupSeeds(variants.filter(({ kind }) => kind === "base"));
  const contrasts: Contrast[] = [];
  const add = (kind: EffectKind, a: readonly FoundVariant[], b: readonly FoundVariant[] | undefined) => {
    if (!b) return;
    // What was not trained has no seed to be paired by.
    contrasts.push({ kind, ...(kind === "training" || kind === "bound" ? { a, b } : sameSeeds(a, b)) });
  };
  for (const model of models) {
    const settings = model[0]!.summary.settings;
    const like = (others: readonly FoundVariant[][], ...but: string[]) =>
      others.find((other) => other !== model && equalSettings(settings, other[0]!.summary.settings, but));
    const training = [...trainingOnly, "unfrozenEncoderBlocks", "unfrozenDecoderBlocks"];
    const base =
      like(bases, ...training) ?? like(bases, ...training, "retriever", "k", "snippetTurns", "promptVariant");
    add("training", model, base);
    if (Number(settings["unfrozenEncoderBlocks"]) > 0)
      add("unfreezing", model, find(models, settings, { unfrozenEncoderBlocks: 0 }));
    if (Number(settings["k"]) > 0) {
      add("retrieval", model, find(models, settings, { retriever: "none", k: 0 }));
      if (settings["retriever"] !== "random")
        add("content", model, find(models, settings, { retriever: "random" }));
    }
    const shorter = like(models, "maxNewTokens");
    if (shorter && Number(shorter[0]!.summary.settings["maxNewTokens"]) < Number(settings["maxNewTokens"]))
      add("length", model, shorter);
    add("bound", model, boundOf(model[0]!, variants));
  }
  return contrasts;
}

/** Settings that a base model has without meaning: nothing was trained by them. */
const trainingOnly = [
  "maxSteps",
  "rank",
  "alpha",
  "loraDropout",
  "trainHead",
  "learningRate",
  "nTrain",
  "warmupSteps",
];
/** What is allowed to differ always: where a file lies, and the seed, over which is averaged. */
const incidental = ["adapter", "seed"];

type Settings = FoundVariant["summary"]["settings"];

function equalSettings(a: Settings, b: Settings, but: readonly string[] = []): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every(
    (name) =>
      incidental.includes(name) || but.includes(name) || JSON.stringify(a[name]) === JSON.stringify(b[name]),
  );
}

function find(
  groups: readonly FoundVariant[][],
  settings: Settings,
  changes: Settings,
): FoundVariant[] | undefined {
  const wanted = { ...settings, ...changes };
  return groups.find(([first]) => equalSettings(wanted, first!.summary.settings));
}

/** Variants that differ in their seed only, together. */
function groupSeeds(variants: readonly FoundVariant[]): FoundVariant[][] {
  const groups: FoundVariant[][] = [];
  for (const variant of variants) {
    const { settings } = variant.summary;
    const group = groups.find(([first]) => equalSettings(first!.summary.settings, settings));
    const twice = group?.some((one) => one.summary.settings["seed"] === settings["seed"]);
    if (!group) groups.push([variant]);
    else if (!twice) group.push(variant); // the same model evaluated in two places counts once
  }
  return groups;
}

/** The seeds that both sides have; all of them where they share none. */
function sameSeeds(a: readonly FoundVariant[], b: readonly FoundVariant[]): Pick<Contrast, "a" | "b"> {
  const seed = (variant: FoundVariant) => variant.summary.settings["seed"];
  const shared = a.map(seed).filter((one) => b.some((other) => seed(other) === one));
  const only = (side: readonly FoundVariant[]) =>
    shared.length === 0 ? side : side.filter((one) => shared.includes(seed(one)));
  return { a: only(a), b: only(b) };
}

/** The random conversation whose length is nearest to the model's answers, if it is within a third of it. */
function boundOf(model: FoundVariant, variants: readonly FoundVariant[]): FoundVariant[] | undefined {
  const length = (variant: FoundVariant) => variant.summary.metrics.outputTokens.value;
  const distance = (variant: FoundVariant) => Math.abs(Math.log(length(variant) / length(model)));
  const [nearest] = variants
    .filter(({ kind, summary }) => kind === "bound" && /^random(,|$)/.test(summary.variant))
    .sort((a, b) => distance(a) - distance(b));
  return nearest && distance(nearest) < Math.log(4 / 3) ? [nearest] : undefined;
}
