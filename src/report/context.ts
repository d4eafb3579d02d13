import type { SetMetric } from "../evaluation";
import type { JsonValue } from "../io";
import {
  data,
  type Format,
  type Inline,
  type JsonPath,
  missing,
  show,
  type Sources,
  type Text,
} from "../paper";
import { type Computed, familyIndex } from "./computed";
import type { effectMetrics, Family } from "./effects";
import type { FoundOutputs, FoundVariant } from "./found";
import type { Selection } from "./selection";

/** The report's own file of values, relative to the folder of outputs. */
export const computedFile = "report/computed.json";

/** What the report's sections are written from. */
export interface ReportContext {
  sources: Sources;
  found: FoundOutputs;
  /** The variants that the report tells of. */
  selection: Selection;
  computed: Computed;
}

export type EffectMetric = (typeof effectMetrics)[number];

/** What scores are called in prose and tables. */
export const metricNames = {
  bleu: "BLEU",
  rougeL: "ROUGE-L",
  jaccard: "Jaccard",
  personaCoverage: "coverage",
  personaCoverageContent: "content coverage",
  ownership: "ownership",
  outputTokens: "words",
  distinct2: "distinct bigrams",
} as const satisfies Partial<Record<SetMetric, string>>;
export type NamedMetric = keyof typeof metricNames;

const formatOf = (metric: SetMetric): Format =>
  metric === "bleu" || metric === "outputTokens" || metric === "sentenceBleu" ? "decimal1" : "decimal3";

/** A variant's score, with its interval in brackets unless told otherwise. */
export function score(
  { sources }: ReportContext,
  variant: FoundVariant,
  metric: SetMetric,
  interval = true,
): Text {
  const part = (name: "value" | "low" | "high") =>
    show(sources.value(variant.file, [...variant.path, "metrics", metric, name], formatOf(metric)));
  return interval ? [part("value"), " [", part("low"), ", ", part("high"), "]"] : [part("value")];
}

/** A family's score with its interval: of a single variant from its summary, of several seeds as it was computed. */
export function familyScore(
  context: ReportContext,
  family: Family,
  metric: SetMetric,
  interval = true,
): Text {
  const [first, ...others] = family.members;
  if (others.length === 0) return score(context, first!, metric, interval);
  const at = familyIndex(context.computed.families, family);
  const part = (field: "value" | "low" | "high") =>
    computed(context, ["families", at, "metrics", metric, field], formatOf(metric));
  return interval && metric !== "bleu"
    ? [part("value"), " [", part("low"), ", ", part("high"), "]"]
    : [part("value")];
}

/** How many facts a family's ownership is counted of. */
export function factsOf({ computed: { facts } }: ReportContext, family: Family): number {
  return facts[familyIndex(facts, family)]!.counted;
}

/** The same in a table: `(of 84)`. */
export function factsText(context: ReportContext, family: Family): Text {
  const at = familyIndex(context.computed.facts, family);
  return ["(of ", computed(context, ["facts", at, "counted"], "integer"), ")"];
}

/** A name, with the number of seeds where there are several. */
export function familyName(members: readonly FoundVariant[]): Text {
  return [data(members.length === 1 ? members[0]!.name : `${members[0]!.family} (${members.length} seeds)`)];
}

/** A field of a variant's row, such as `["cases"]` or `["settings", "maxSteps"]`. */
export function field(
  { sources }: ReportContext,
  variant: FoundVariant,
  path: JsonPath,
  format: Format,
): Inline {
  return show(sources.value(variant.file, [...variant.path, ...path], format));
}

/** A value that the report computed. */
export function computed({ sources }: ReportContext, path: JsonPath, format: Format): Inline {
  return show(sources.value(computedFile, path, format));
}

/** A score that no evaluation left. */
export function missingScore(reason: string): Text {
  return [show(missing(reason))];
}

export function setting(variant: FoundVariant, name: string): JsonValue | undefined {
  return variant.summary.settings[name];
}

/** The first variant whose model is no T5; evaluations that do not say what their models are were of T5s. */
export function otherThanT5({ found }: ReportContext): FoundVariant | undefined {
  return found.variants.find((variant) => (setting(variant, "architecture") ?? "T5") !== "T5");
}

/** The variant with the highest score. */
export function best(variants: readonly FoundVariant[], metric: SetMetric): FoundVariant | undefined {
  const value = (variant: FoundVariant) => variant.summary.metrics[metric].value;
  return variants.reduce<FoundVariant | undefined>(
    (top, one) => (top === undefined || value(one) > value(top) ? one : top),
    undefined,
  );
}
