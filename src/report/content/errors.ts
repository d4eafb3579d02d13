import type { SetMetric } from "../../evaluation";
import {
  type Block,
  cite,
  type Column,
  data,
  emphasis,
  paragraph,
  refer,
  section,
  type Table,
  type Text,
} from "../../paper";
import { cutToTokens } from "../../text";
import {
  best,
  computed,
  familyName,
  familyScore,
  metricNames,
  type ReportContext,
  setting,
} from "../context";
import { type Family, groupFamilies } from "../effects";
import type { FoundVariant } from "../found";
import { prose } from "../prose";

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

/** Whose errors are counted: the best model with its seeds, its rivals without training, the model asked wrongly, and bounds. */
export function examinedFamilies(variants: readonly FoundVariant[]): Family[] {
  const families = groupFamilies(variants);
  const top = examinedVariant(variants);
  const plain = families.find(
    ({ kind, members }) =>
      kind === "model" &&
      Number(setting(members[0]!, "k") ?? 0) === 0 &&
      Number(setting(members[0]!, "unfrozenEncoderBlocks") ?? 0) === 0,
  );
  return families.filter(
    (family) =>
      family === plain ||
      family.kind === "base" ||
      family.members.some((one) => one === top) ||
      family.members[0]!.identity.cut !== null,
  );
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
  const compared = examinedFamilies(variants);
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
      prose`Table ${refer("tab:fates")} follows each fact of a persona. It is ${emphasis("said")} where turns of its own speaker have half
      of its content words, ${emphasis("swapped")} where only the other speaker says it, and ${emphasis("missed")} where the answer
      does not say it though the reference, cut to the answer's length, does. Facts that both say are put
      ${emphasis("in other words")} where the two turns are little alike. A turn in the first person ${emphasis("leaks")} where it tells a
      snippet's fact as the speaker's own; the column beside it looks for the same in snippets that the answer never saw, and only what is
      above that comes from the snippets.`,
    ),
    fateTable(context),
    paragraph(
      prose`Table ${refer("tab:cases")} shows the answers of ${data(examined.name)} that say most and least of the personas' content
      words. Coverage does not ask who says a word: a fact given to the wrong speaker counts as well as one given to the right one, and
      a fact that is denied counts as well as one that is told. The reference, too, leaves most facts unsaid; coverage far above the
      reference's is a sign of listing, not of conversation.`,
    ),
    caseTable(context),
  ];
}

function signTable(context: ReportContext, families: readonly Family[]): Table {
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
      families.map((family) => [
        familyName(family.members),
        ...signs.map((metric) => familyScore(context, family, metric, false)),
      ]),
    ],
    wide: false,
  };
}

function fateTable(context: ReportContext): Table {
  const shares = [
    ["said", ["fates", "said"]],
    ["swapped", ["fates", "swapped"]],
    ["missed", ["fates", "missed"]],
    ["in other words", ["otherWords"]],
    ["leaks", ["leaking"]],
    ["by chance", ["leakingByChance"]],
  ] as const;
  const families = examinedFamilies(context.found.variants);
  return {
    type: "table",
    label: "tab:fates",
    caption: prose`What becomes of facts, and what leaks from snippets, in percent with intervals`,
    columns: [
      { title: ["variant"], align: "left", width: 0.24 },
      ...shares.map(([title]): Column => ({ title: [title], align: "right" })),
    ],
    groups: [
      families.map(({ members }, i) => {
        const share = (path: readonly string[]): Text => {
          const part = (end: string) => computed(context, ["errors", i, ...path, end], "share");
          return [part("value"), " [", part("low"), ", ", part("high"), "]"];
        };
        return [familyName(members), ...shares.map(([, path]) => share(path))];
      }),
    ],
    wide: true,
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
