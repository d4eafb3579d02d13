import {
  type Contrast,
  differing,
  type EffectKind,
  type Family,
  findContrasts,
  groupFamilies,
} from "./effects";
import type { FoundVariant } from "./found";

/** What every run has left, in the order of the report's table. */
export interface Selection {
  /** A random, a retrieved and the reference's own conversation, and the template. */
  beside: Family[];
  /** Models as they were before training. */
  bases: Family[];
  /** Fine-tuned, without snippets. */
  adapted: Family[];
  /** Fine-tuned with snippets, and asked with some. */
  augmented: Family[];
  /** Runs of a grid. */
  grid: Family[];
}

const first = ({ members }: Family) => members[0]!;
const asked = (family: Family, name: string) => Number(first(family).summary.settings[name] ?? 0);
const isGridRun = (family: Family) => first(family).run === first(family).summary.variant;
const trainedK = (family: Family) => Number(first(family).identity.trained?.["k"] ?? asked(family, "k"));

/**
 * The variants that the report tells of, a few of many: of the numbers of snippets that were tried the usual one, bounds and
 * baselines at the length of the models' answers, and no input of another form. All others are in `eval_metrics.csv`.
 */
export function selectVariants(variants: readonly FoundVariant[]): Selection {
  const families = groupFamilies(variants);
  const models = families.filter(({ kind }) => kind === "model");
  const grid = models.filter(isGridRun);
  const others = models.filter((one) => !isGridRun(one));
  const snippets = usual(others.map((one) => asked(one, "k")).filter((k) => k > 0));
  return {
    beside: besideModels(families, models),
    bases: families.filter(({ kind }) => kind === "base"),
    adapted: withoutTwins(others.filter((one) => asked(one, "k") === 0 && trainedK(one) === 0)),
    augmented: others.filter((one) => asked(one, "k") > 0 && asked(one, "k") === snippets),
    grid,
  };
}

/** Of models that two notebooks trained in the same way those of more seeds, or the first. */
function withoutTwins(families: readonly Family[]): Family[] {
  const seeds = ({ members }: Family) => members.length;
  return families.filter((one, i) =>
    families.every(
      (other, j) =>
        one === other ||
        differing(one, other) > 0 ||
        (i < j ? seeds(one) >= seeds(other) : seeds(one) > seeds(other)),
    ),
  );
}

/** The number that comes up most often; of several the middle one. */
function usual(numbers: readonly number[]): number | undefined {
  const times = (wanted: number) => numbers.filter((one) => one === wanted).length;
  const most = Math.max(...numbers.map(times));
  const often = [...new Set(numbers)].filter((one) => times(one) === most).sort((a, b) => a - b);
  return often[Math.floor(often.length / 2)];
}

/** All families of a selection. */
export function selected({ beside, bases, adapted, augmented, grid }: Selection): Family[] {
  return [...beside, ...bases, ...adapted, ...augmented, ...grid];
}

/**
 * Bounds and baselines cut to the number of tokens that models write, and the template, which has its own length; where nothing
 * is cut in tokens, those cut in words; where nothing is cut, all that there are.
 */
function besideModels(families: readonly Family[], models: readonly Family[]): Family[] {
  const simple = families.filter(({ kind }) => kind === "bound" || kind === "baseline");
  const cut = simple.filter((one) => first(one).identity.cut !== null);
  if (cut.length === 0) return simple;
  const inTokens = cut.filter((one) => first(one).identity.cut!.unit === "tokens");
  const written = models.map((one) => asked(one, "maxNewTokens"));
  const fitting = inTokens.filter((one) => written.includes(first(one).identity.cut!.length));
  const chosen = [fitting, inTokens, cut].find(({ length }) => length > 0)!;
  return simple.filter((one) => chosen.includes(one) || first(one).identity.family === "template");
}

/** The cut reference: the scores that an answer of this length can hope for. */
export function cutReference({ beside }: Selection): Family | undefined {
  return beside.find((one) => first(one).identity.family === "reference" && first(one).identity.cut !== null);
}

/** The plainest fine-tuned model: adapters alone, one answer. */
export function plainModel({ adapted, augmented, grid }: Selection): Family | undefined {
  const plain = adapted.find(
    (one) =>
      asked(one, "unfrozenEncoderBlocks") === 0 &&
      asked(one, "unfrozenDecoderBlocks") === 0 &&
      asked(one, "candidates") <= 1,
  );
  return plain ?? [...adapted, ...augmented, ...grid][0];
}

const ofAdapted: readonly EffectKind[] = ["training", "unfreezing", "bound"];

/**
 * What is compared among the selected variants: what training and unfreezing add, and what a random conversation has, for models
 * without snippets; all else wherever two variants allow it, inputs of another form among them.
 */
export function selectContrasts(variants: readonly FoundVariant[], selection: Selection): Contrast[] {
  const { adapted } = selection;
  const compared = selected(selection).flatMap(({ members }) => members);
  const isAdapted = (one: FoundVariant) => adapted.some(({ members }) => members.includes(one));
  return findContrasts([...compared, ...variants.filter(({ kind }) => kind === "misused")]).filter(
    ({ kind, a }) => !ofAdapted.includes(kind) || adapted.length === 0 || a.every(isAdapted),
  );
}
