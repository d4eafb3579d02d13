import {
  type Block,
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
import { computed, familyName, type ReportContext, setting } from "../context";
import type { Family } from "../effects";
import type { FoundVariant } from "../found";
import { prose } from "../prose";
import { plainModel, type Selection } from "../selection";

/** Words of a text that the table of cases shows. */
const shownWords = 40;

/** Whose errors are counted: the plain model, its base, the same with snippets, and the bounds of their length. */
export function examinedFamilies(selection: Selection): Family[] {
  const { beside, bases, augmented } = selection;
  const model = plainModel(selection);
  return [
    ...beside.filter(({ members }) => members[0]!.identity.cut !== null),
    ...bases.slice(0, 1),
    ...(model ? [model] : []),
    ...augmented.filter(
      (one) =>
        one !== model &&
        Number(setting(one.members[0]!, "unfrozenEncoderBlocks") ?? 0) === 0 &&
        !(["bm25", "dense"] as unknown[]).includes(setting(one.members[0]!, "retriever")),
    ),
  ];
}

/** The cases of the plain model, or without one of a baseline, that say most and least of the personas' content words. */
export function chooseCases(selection: Selection): { variant: FoundVariant; index: number }[] {
  const shown = plainModel(selection) ?? selection.beside[0];
  if (!shown) return [];
  const variant = shown.members[0]!;
  const order = variant.cases
    .map(({ metrics }, index) => ({ index, value: metrics.personaCoverageContent }))
    .sort((a, b) => b.value - a.value || a.index - b.index);
  const chosen = order.length < 2 ? order : [order[0]!, order.at(-1)!];
  return chosen.map(({ index }) => ({ variant, index }));
}

/** How answers fail, and two of them. */
export function errors(context: ReportContext): Block[] {
  const [examined] = context.computed.cases;
  const heading = section("Error Analysis", "sec:errors");
  if (!examined) return [heading, paragraph(prose`There are no cases to look at.`)];
  return [
    heading,
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
      prose`Table ${refer("tab:cases")} shows the answers of ${data(examined.variant)} that say most and least of the personas' content
      words. Coverage does not ask who says a word: a fact given to the wrong speaker counts as well as one given to the right one, and
      a fact that is denied counts as well as one that is told. The reference, too, leaves most facts unsaid; coverage far above the
      reference's is a sign of listing, not of conversation.`,
    ),
    caseTable(context),
  ];
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
  const families = examinedFamilies(context.selection);
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
