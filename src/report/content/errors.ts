import { cutToTokens } from "../../baselines";
import type { SetMetric } from "../../evaluation";
import {
  type Block,
  cite,
  type Column,
  data,
  paragraph,
  prose,
  refer,
  section,
  type Table,
  type Text,
} from "../document";
import { best, computed, metricNames, type ReportContext, score } from "../context";
import type { FoundVariant } from "../found";

/** Words of a text that the table of cases shows. */
const shownWords = 48;

const signs = [
  "rougeLPrecision",
  "rougeLRecall",
  "distinct2",
  "lengthRatio",
] as const satisfies readonly SetMetric[];

/** Whose answers are looked at: the best model, or without one the best baseline. */
export function examinedVariant(variants: readonly FoundVariant[]): FoundVariant | undefined {
  const models = variants.filter(({ kind }) => kind === "model");
  const baselines = variants.filter(({ kind }) => kind === "baseline");
  return best(models.length > 0 ? models : baselines, "rougeL");
}

/** The cases of a variant that say most and least of the personas' content words. */
export function chooseCases(variant: FoundVariant | undefined): { variant: FoundVariant; index: number }[] {
  if (!variant) return [];
  const order = variant.cases
    .map(({ metrics }, index) => ({ index, value: metrics.personaCoverageContent }))
    .sort((a, b) => b.value - a.value || a.index - b.index);
  const chosen = order.length < 2 ? order : [order[0]!, order.at(-1)!];
  return chosen.map(({ index }) => ({ variant, index }));
}

/** How answers fail, and two of them. */
export function errors(context: ReportContext): Block[] {
  const { variants } = context.found;
  const examined = examinedVariant(variants);
  const compared = variants.filter(
    (one) =>
      one === examined ||
      one.kind === "base" ||
      /^(retrieval|template|(random|reference), first .*)$/.test(one.summary.variant),
  );
  const heading = section("Error Analysis", "sec:errors");
  if (!examined) return [heading, paragraph(prose`There are no cases to look at.`)];
  return [
    heading,
    paragraph(
      prose`A low ROUGE-L has several causes, which Table ${refer("tab:signs")} takes apart. Precision asks how much of the answer is in
      the reference, recall how much of the reference is in the answer: an answer that is merely short has low recall and decent
      precision. Few distinct bigrams betray the loops that greedy search falls into ${cite("holtzman2020")}. The length ratio is the
      answer's length over the reference's.`,
    ),
    signTable(context, compared),
    paragraph(
      prose`Table ${refer("tab:cases")} shows the answers of ${data(examined.name)} that say most and least of the personas' content
      words. Coverage does not ask who says a word: a fact given to the wrong speaker counts as well as one given to the right one, and
      a fact that is denied counts as well as one that is told. The reference, too, leaves most facts unsaid; coverage far above the
      reference's is a sign of listing, not of conversation.`,
    ),
    caseTable(context),
  ];
}

function signTable(context: ReportContext, variants: readonly FoundVariant[]): Table {
  return {
    type: "table",
    label: "tab:signs",
    caption: prose`Signs of failure`,
    columns: [
      { title: ["variant"], align: "left", width: 0.36 },
      ...signs.map((metric): Column => ({
        title: [metricNames[metric].replace("ROUGE-L ", "")],
        align: "right",
      })),
    ],
    groups: [
      variants.map((variant) => [
        [data(variant.name)],
        ...signs.map((metric) => score(context, variant, metric, false)),
      ]),
    ],
    wide: false,
  };
}

function caseTable(context: ReportContext): Table {
  const {
    found,
    computed: { cases },
  } = context;
  const rows = cases.map(({ variant, id }, i): readonly Text[] => {
    const one = found.variants.find(({ name }) => name === variant)!.cases.find((each) => each.id === id)!;
    const value = (metric: "rougeL" | "personaCoverageContent") =>
      computed(context, ["cases", i, "metrics", metric], "decimal3");
    const personas = one.personas.map((facts, user) => `User ${user + 1}: ${facts.join(" ")}`).join(" ");
    return [
      [data(personas)],
      [data(shorten(one.output))],
      [data(shorten(one.reference))],
      prose`ROUGE-L ${value("rougeL")}, content coverage ${value("personaCoverageContent")}`,
    ];
  });
  return {
    type: "table",
    label: "tab:cases",
    caption: prose`Two cases: personas, answer and reference, these two by their beginnings`,
    columns: [
      { title: ["personas"], align: "left", width: 0.3 },
      { title: ["answer"], align: "left", width: 0.3 },
      { title: ["reference"], align: "left", width: 0.28 },
      { title: ["scores"], align: "left", width: 0.12 },
    ],
    groups: rows.map((row) => [row]),
    wide: true,
  };
}

function shorten(text: string): string {
  const cut = cutToTokens(text, shownWords);
  return cut === text ? text : `${cut} …`;
}
