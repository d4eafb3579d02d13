import type { SetMetric } from "../../evaluation";
import {
  type Block,
  type Column,
  data,
  enumerate,
  type Inline,
  type PaperFigure,
  paragraph,
  refer,
  section,
  subsection,
  type Table,
  type Text,
} from "../../paper";
import {
  computed,
  computedFile,
  factsOf,
  factsText,
  familyName,
  familyScore,
  metricNames,
  missingScore,
  type NamedMetric,
  type ReportContext,
  setting,
} from "../context";
import { type EffectKind, effectMetrics, effectNames, type Family } from "../effects";
import type { FoundVariant } from "../found";
import { prose } from "../prose";
import { finding } from "./findings";

/** Scores of the table. */
const shown = [
  "bleu",
  "rougeL",
  "jaccard",
  "personaCoverage",
  "personaCoverageContent",
  "ownership",
  "distinct2",
  "outputTokens",
] as const satisfies readonly SetMetric[];

/** Those that have no interval in the table, which would be too wide for a page. */
const bare: readonly SetMetric[] = ["bleu", "jaccard", "personaCoverage", "distinct2", "outputTokens"];

/** Rows that the table has even when no run left them. */
interface ExpectedRow {
  name: string;
  is: (family: Family) => boolean;
}

const first = ({ members }: Family) => members[0]!;
const asked = (family: Family, name: string) => Number(setting(first(family), name) ?? 0);

const adaptation: ExpectedRow[] = [0, 2, 4].map((blocks) => ({
  name: blocks === 0 ? "LoRA" : `LoRA, ${blocks} encoder blocks unfrozen`,
  is: (one) => asked(one, "unfrozenEncoderBlocks") === blocks,
}));
const ablation: ExpectedRow[] = ["tfidf", "bm25", "dense", "random"].map((retriever) => ({
  name: `LoRA, snippets by ${retriever}`,
  is: (one: Family) => setting(first(one), "retriever") === retriever,
}));
const grid: ExpectedRow[] = ["A", "B", "C", "D"].map((run) => ({
  name: `run ${run}`,
  is: (one) => first(one).run === run,
}));

/** What the variants scored, which differences mean something, and what the proposal reported. */
export function results(
  context: ReportContext,
  figures: Readonly<Record<"summary" | "effects" | "curves" | "snippets", PaperFigure>>,
): Block[] {
  const { variants, others } = context.found;
  const { adapted, augmented, grid: gridRuns } = context.selection;
  const tested = (...kinds: EffectKind[]): Text =>
    kinds.flatMap((kind): Text => {
      const sentence = finding(context, kind);
      return sentence.length === 0 ? [] : [...sentence, " "];
    });
  const part = (found: readonly Family[], notebook: string, text: Text): Block =>
    paragraph(
      found.length > 0
        ? text
        : prose`${missingScore(`no summary has a variant of ${notebook}`)}: no run of this part was found, so that nothing can be said about
          it. The notebook ${data(notebook)} leaves them.`,
    );
  return [
    section("Results", "sec:results"),
    paragraph(
      prose`${computed(context, ["counts", "variants"], "integer")} variants answered the same
      ${variants[0] ? cases(context, variants[0]) : missingScore("there is no summary")} test conversations.
      Table ${refer("tab:main")} and Fig. ${refer("fig:summary")} hold those that the questions are about; ${data("eval_metrics.csv")} has
      all.${
        others.length === 0
          ? []
          : prose` Among them are ${computed(context, ["counts", "others"], "integer")} that were evaluated on other conversations and are
      compared with nothing.`
      }${
        context.computed.effects.length === 0
          ? []
          : prose` Differences are in Fig. ${refer("fig:effects")}, and with their tests in Table ${refer("tab:effects")}.`
      }`,
    ),
    mainTable(context),
    figures.summary,
    figures.effects,
    subsection("The scale"),
    paragraph(
      prose`The rows to keep in mind are the random conversation and the reference, cut to the length of a model's answer: between
      them lies all that ROUGE-L of that length can say. The template knows nothing but the facts and has all of the coverage. So
      more coverage is not better: an answer should say about as much of the personas as the reference of its length, and say it
      by the right speaker. The notebook ${data("03-baselines")} has the same scale for other lengths.`,
    ),
    subsection("Adapters and unfrozen blocks"),
    part(
      adapted,
      "04-lora-training",
      prose`${tested("training", "bound", "unfreezing")}Fig. ${refer("fig:curves")} shows how the losses fell.`,
    ),
    ...(context.computed.tallies.choice
      ? [
          paragraph(
            prose`${tested("choice")}The answer chosen is the one in which most facts are said by their owners, then that with most of the
            personas’ content words. So a higher ownership or content coverage is the choice itself; whether the answers are better, only the other scores can say.`,
          ),
        ]
      : []),
    figures.curves,
    subsection("Retrieved snippets"),
    part(
      augmented,
      "05-rag-ablation",
      prose`${tested("retrieval", "content")}Fig. ${refer("fig:snippets")} has other numbers of snippets.`,
    ),
    figures.snippets,
    ...(context.computed.tallies.form
      ? [
          paragraph(
            prose`A part of the proposal's models was evaluated with inputs of another form than they had been trained with. The notebook
            ${data("05-rag-ablation")} repeats this mistake on purpose; nowhere else is it made. ${tested("form")}`,
          ),
        ]
      : []),
    subsection("The grid"),
    part(
      gridRuns,
      "06-grid-experiment",
      prose`The proposal's four runs write answers of two lengths with two numbers of snippets. ${tested("length")}`,
    ),
    subsection("The proposal’s figures"),
    paragraph(
      prose`Table ${refer("tab:proposal")} quotes what the project's proposal reports. Its test conversations and limits were others, and
      a part of its models was evaluated with inputs of another form than trained; the rows are context, not rivals.`,
    ),
    proposalTable(context),
  ];
}

function cases(context: ReportContext, variant: FoundVariant): Inline {
  const value = context.sources.value(variant.file, [...variant.path, "cases"], "integer");
  return { type: "value", value };
}

/** All selected variants, seeds averaged; what no run left has a row that says so. */
function mainTable(context: ReportContext): Table {
  const { beside, bases, adapted, augmented, grid: gridRuns } = context.selection;
  const row = (family: Family): readonly Text[] => [
    familyName(family.members),
    ...shown.map((metric): Text => {
      const score = () => familyScore(context, family, metric, !bare.includes(metric));
      if (metric !== "ownership") return score();
      const facts = factsText(context, family);
      return factsOf(context, family) === 0 ? facts : prose`${score()} ${facts}`;
    }),
  ];
  const missing = (expected: readonly ExpectedRow[], found: readonly Family[]) =>
    expected
      .filter(({ is }) => !found.some(is))
      .map(({ name }): readonly Text[] => [
        [data(name)],
        ...shown.map(() => missingScore("no summary has this run")),
      ]);
  return {
    type: "table",
    label: "tab:main",
    caption: prose`What the variants scored, several seeds as one row`,
    columns: [
      { title: ["variant"], align: "left", width: 0.24 },
      ...shown.map((metric): Column => ({ title: [metricNames[metric]], align: "right" })),
    ],
    groups: [
      [...beside.map(row), ...bases.map(row)],
      [...adapted.map(row), ...missing(adaptation, adapted)],
      [...augmented.map(row), ...missing(ablation, augmented)],
      [...gridRuns.map(row), ...missing(grid, gridRuns)],
    ].filter((rows) => rows.length > 0),
    wide: true,
    note: prose`Brackets hold intervals. Behind ownership stands the number of facts that came up, of which it is the share.`,
  };
}

/** The differences behind the sentences, in one table; of another form of input `computed.json` has them. */
export function effectTable(context: ReportContext): Block[] {
  const {
    sources,
    found,
    computed: { effects },
  } = context;
  const sideName = (names: readonly string[]) =>
    familyName(found.variants.filter(({ name }) => names.includes(name)));
  const kinds = [...new Set(effects.map(({ kind }) => kind))].filter((kind) => kind !== "form");
  if (kinds.length === 0) return [];
  const rowsOf = (kind: EffectKind) =>
    effects.flatMap((effect): (readonly Text[])[] => {
      if (effect.kind !== kind || effect.metric !== effectMetrics[0]) return [];
      const cells = effectMetrics.map((metric): Text => {
        const at = effects.findIndex(
          (one) =>
            one.kind === kind && one.metric === metric && same(one.a, effect.a) && same(one.b, effect.b),
        );
        const value = (
          name: "difference" | "low" | "high" | "adjusted",
          format: "signed3" | "pValue",
        ): Inline => ({
          type: "value",
          value: sources.value(computedFile, ["effects", at, name], format),
        });
        return [
          value("difference", "signed3"),
          " [",
          value("low", "signed3"),
          ", ",
          value("high", "signed3"),
          "], ",
          value("adjusted", "pValue"),
        ];
      });
      return [[sideName(effect.a), sideName(effect.b), ...cells]];
    });
  return [
    {
      type: "table",
      label: "tab:effects",
      caption: prose`Differences between variants, by question: ${enumerate(kinds.map((kind) => effectNames[kind]))}`,
      columns: [
        { title: ["variant"], align: "left", width: 0.23 },
        { title: ["minus"], align: "left", width: 0.21 },
        ...effectMetrics.map((metric): Column => ({ title: [metricNames[metric]], align: "right" })),
      ],
      groups: kinds.map(rowsOf),
      wide: true,
      note: prose`Difference, its bootstrap interval, and the p-value of the paired test, adjusted within each question.`,
    },
  ];
}

const same = (a: readonly string[], b: readonly string[]) => a.join("\n") === b.join("\n");

function proposalTable({ computed: { proposal }, sources }: ReportContext): Table {
  const metrics: NamedMetric[] = ["bleu", "rougeL", "jaccard", "personaCoverage"];
  return {
    type: "table",
    label: "tab:proposal",
    caption: prose`As the proposal reports`,
    columns: [
      { title: ["variant"], align: "left", width: 0.4 },
      ...metrics.map((metric): Column => ({ title: [metricNames[metric]], align: "right" })),
    ],
    groups: [
      proposal.map(({ variant, metrics: reported }, i) => [
        [data(variant.replace(" (proposal)", ""))],
        ...metrics.map((metric): Text =>
          reported[metric] === undefined
            ? ["—"]
            : [
                {
                  type: "value",
                  value: sources.value(computedFile, ["proposal", i, "metrics", metric], "text"),
                },
              ],
        ),
      ]),
    ],
    wide: false,
  };
}
