import { differingSettings, effect, groupSeeds } from "../analysis";
import type { SetMetric, VariantKind } from "../evaluation";
import { settingsOf } from "../experiments";
import { holm } from "../metrics";
import type { FoundVariant } from "./found";

/** The scores that effects are measured in. */
export const effectMetrics = ["rougeL", "personaCoverageContent", "ownership"] as const;

/** Below it an effect is called one. */
export const significance = 0.05;

/** What is changed between the two sides of an effect. */
export type EffectKind =
  "training" | "unfreezing" | "retrieval" | "content" | "choice" | "length" | "form" | "bound";

/** What is changed, in a few words. */
export const effectNames: Readonly<Record<EffectKind, string>> = {
  training: "training",
  unfreezing: "unfrozen blocks",
  retrieval: "snippets",
  content: "what snippets say",
  choice: "choosing",
  length: "longer answers",
  form: "another form",
  bound: "random conversation",
};

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
  metric: SetMetric;
  cases: number;
  difference: number;
  /** Bootstrap interval of the difference over conversations and seeds, as wide and from as many resamples as those of a. */
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
      const { resamples, confidence } = a[0]!.summary;
      const { value, low, high, pValue } = effect(a, b, metric, { seed, resamples, confidence });
      return {
        kind,
        a: a.map(({ name }) => name),
        b: b.map(({ name }) => name),
        files: [...new Set([...a, ...b].map(({ file }) => casesFile(file)))],
        metric,
        cases: a[0]!.cases.length,
        difference: value,
        low,
        high,
        pValue,
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

const casesFile = (summary: string) => summary.replace(/stage3_summary(.*)\.json$/, "stage3_cases$1.jsonl");

/** Variants that differ in the seed of their training only. */
export interface Family {
  name: string;
  kind: VariantKind;
  members: FoundVariant[];
}

/** Puts variants together that differ in nothing but the seed of their training ({@link groupSeeds}). */
export function groupFamilies(variants: readonly FoundVariant[]): Family[] {
  return groupSeeds(variants, ({ file }) => file).map((members) => {
    const { name, family, kind } = members[0]!;
    return { name: members.length === 1 ? name : family, kind, members };
  });
}

/**
 * The contrasts that the variants on disk allow: a trained model and its base; unfrozen blocks and none; snippets and none;
 * retrieved snippets and random ones; the best of several answers and a single one; longer and shorter answers; inputs of
 * another form and of the trained one; and every model beside a random conversation of about its length. Both sides have all
 * other settings in common, those of training and those of the evaluation.
 */
export function findContrasts(variants: readonly FoundVariant[]): Contrast[] {
  const families = groupFamilies(variants);
  const of = (kind: VariantKind) => families.filter((family) => family.kind === kind);
  const [models, bases] = [of("model"), of("base")];
  const contrasts: Contrast[] = [];
  const add = (kind: EffectKind, { members: a }: Family, other: Family | undefined) => {
    if (!other) return;
    const { members: b } = other;
    // What was not trained has no seed to be paired by.
    contrasts.push({ kind, ...(kind === "training" || kind === "bound" ? { a, b } : sameSeeds(a, b)) });
  };
  for (const model of models) {
    const like = (others: readonly Family[], is: (other: Family) => boolean, ...but: string[]) =>
      closest(
        model,
        others.filter((other) => other !== model && is(other) && differing(model, other, but) === 0),
      );
    const base = (...but: string[]) => like(bases, () => true, ...trainingOnly, ...but);
    add("training", model, base() ?? base(...inputSettings));
    if (unfreezes(model))
      add(
        "unfreezing",
        model,
        like(models, (other) => !unfreezes(other), ...unfreezing),
      );
    if (Number(asked(model, "k")) > 0) {
      const without = models.filter((other) => asked(other, "k") === 0);
      const trainedWithout = like(without, (other) => trainedAs(other, "k") === 0, ...inputSettings);
      add("retrieval", model, trainedWithout ?? like(without, () => true, ...inputSettings));
      if (asked(model, "retriever") !== "random")
        add(
          "content",
          model,
          like(models, (other) => asked(other, "retriever") === "random", "retriever"),
        );
    }
    if (Number(asked(model, "candidates")) > 1)
      add(
        "choice",
        model,
        like(models, (other) => Number(asked(other, "candidates") ?? 1) === 1, "candidates", ...drawing),
      );
    const shorter = (other: Family) =>
      Number(asked(other, "maxNewTokens")) < Number(asked(model, "maxNewTokens"));
    add("length", model, like(models, shorter, "maxNewTokens"));
    add("bound", model, boundOf(model, of("bound")));
  }
  for (const family of of("misused")) {
    const proper = models.filter((model) => sameAdapters(model, family));
    add("form", family, closest(family, proper));
  }
  return contrasts;
}

/** Settings that a base model has without meaning: nothing was trained by them. */
const trainingOnly = settingsOf("training", "unfreezing");
const unfreezing = settingsOf("unfreezing");
/** What decides which snippets are in an input. */
const inputSettings = settingsOf("retrieval");
/** How answers are drawn, where several are to differ. */
const drawing = settingsOf("search");

/** A setting of the evaluation, and of the training, which is taken to be the same where it is not known. */
const asked = ({ members }: Family, name: string) => members[0]!.summary.settings[name];
const trainedAs = (family: Family, name: string) =>
  (family.members[0]!.identity.trained ?? family.members[0]!.summary.settings)[name];

const unfreezes = (family: Family) => unfreezing.some((name) => Number(asked(family, name) ?? 0) > 0);

/** In how many settings two families differ, apart from those named. */
export function differing(a: Family, b: Family, but: readonly string[] = []): number {
  const [first, second] = [a.members[0]!, b.members[0]!];
  const count = (x: Readonly<Record<string, unknown>>, y: Readonly<Record<string, unknown>>) =>
    differingSettings(x, y).filter((name) => !but.includes(name)).length;
  const evaluated = count(first.summary.settings, second.summary.settings);
  // A base model was not trained.
  const [x, y] = [first.identity.trained, second.identity.trained];
  return x && y ? evaluated + count(x, y) : evaluated;
}

/** The one that differs in the fewest settings; of equals the first. */
function closest(family: Family, others: readonly Family[]): Family | undefined {
  return [...others].sort((a, b) => differing(family, a) - differing(family, b))[0];
}

function sameAdapters(a: Family, b: Family): boolean {
  const adapters = ({ members }: Family) =>
    JSON.stringify(members.map(({ summary }) => summary.settings["adapter"]).sort());
  return adapters(a) === adapters(b);
}

/** The seeds that both sides have; all of them where they share none. */
function sameSeeds(a: readonly FoundVariant[], b: readonly FoundVariant[]): Pick<Contrast, "a" | "b"> {
  const seed = (variant: FoundVariant) => variant.identity.seed;
  const shared = a.map(seed).filter((one) => b.some((other) => seed(other) === one));
  const only = (side: readonly FoundVariant[]) =>
    shared.length === 0 ? side : side.filter((one) => shared.includes(seed(one)));
  return { a: only(a), b: only(b) };
}

/** The random conversation whose length is nearest to the model's answers, if it is within a third of it. */
function boundOf(model: Family, bounds: readonly Family[]): Family | undefined {
  const length = ({ members }: Family) =>
    members.reduce((sum, { summary }) => sum + summary.metrics.outputTokens.value, 0) / members.length;
  const distance = (family: Family) => Math.abs(Math.log(length(family) / length(model)));
  const [nearest] = bounds
    .filter(({ members }) => members[0]!.identity.family === "random")
    .sort((a, b) => distance(a) - distance(b));
  return nearest && distance(nearest) < Math.log(4 / 3) ? nearest : undefined;
}
