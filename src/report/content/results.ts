import type { SetMetric } from "../../evaluation";
import {
  type Block,
  type Column,
  data,
  enumerate,
  type Inline,
  type PaperFigure,
  paragraph,
  type Piece,
  refer,
  section,
  subsection,
  type Table,
  type Text,
} from "../../paper";
import {
  computed,
  computedFile,
  type EffectMetric,
  familyName,
  familyScore,
  metricNames,
  missingScore,
  type NamedMetric,
  type ReportContext,
  setting,
} from "../context";
import { type EffectKind, effectMetrics, type Family, groupFamilies } from "../effects";
import type { FoundVariant } from "../found";
import { prose } from "../prose";

/** Scores of the tables. */
const shown = [
  "bleu",
  "rougeL",
  "jaccard",
  "personaCoverage",
  "personaCoverageContent",
  "outputTokens",
] as const satisfies readonly SetMetric[];

/** Rows that a table has even when no run left them. */
interface ExpectedRow {
  name: string;
  is: (family: Family) => boolean;
}

const first = ({ members }: Family) => members[0]!;
const isGridRun = (family: Family) => first(family).run === first(family).summary.variant;
const asked = (family: Family, name: string) => Number(setting(first(family), name) ?? 0);
/** Whether a model was trained with snippets, or is asked with some. */
const readsSnippets = (family: Family) =>
  asked(family, "k") > 0 || Number(first(family).identity.trained?.["k"] ?? 0) > 0;

const adaptation: ExpectedRow[] = [0, 2, 4].map((blocks) => ({
  name: blocks === 0 ? "LoRA" : `LoRA, ${blocks} encoder blocks unfrozen`,
  is: (one) => asked(one, "unfrozenEncoderBlocks") === blocks,
}));
const ablation: ExpectedRow[] = ["tfidf", "bm25", "random"].flatMap((retriever) =>
  [1, 3, 5].map((k) => ({
    name: `${retriever}, k = ${k}`,
    is: (one: Family) => asked(one, "k") === k && setting(first(one), "retriever") === retriever,
  })),
);
const grid: ExpectedRow[] = ["A", "B", "C", "D"].map((run) => ({
  name: `run ${run}`,
  is: (one) => first(one).run === run,
}));

/** What the variants scored, which differences mean something, and what the proposal reported. */
export function results(
  context: ReportContext,
  figures: Readonly<Record<"summary" | "scatter" | "curves" | "lengths", PaperFigure>>,
): Block[] {
  const { variants, others } = context.found;
  const families = groupFamilies(variants);
  const models = families.filter(({ kind }) => kind === "model");
  const simple = families.filter(({ kind }) => kind === "bound" || kind === "baseline");
  const gridRuns = models.filter(isGridRun);
  const adapted = models.filter((one) => !isGridRun(one) && !readsSnippets(one));
  const augmented = models.filter((one) => !isGridRun(one) && readsSnippets(one));
  const misused = families.filter(({ kind }) => kind === "misused");
  const beside = families.filter(
    (one) => one.kind === "base" || (one.kind === "bound" && first(one).identity.cut !== null),
  );
  return [
    section("Results", "sec:results"),
    paragraph(
      prose`${computed(context, ["counts", "variants"], "integer")} variants answered the same
      ${variants[0] ? cases(context, variants[0]) : missingScore("there is no summary")} test conversations
      (Fig. ${refer("fig:summary")}).${
        others.length === 0
          ? []
          : prose` ${computed(context, ["counts", "others"], "integer")} more were
      evaluated on other conversations; they are listed at the end and compared with nothing.`
      }`,
    ),
    figures.summary,
    subsection("Baselines and bounds"),
    paragraph(
      prose`Table ${refer("tab:baselines")} shows the scale. The rows to keep in mind are the random conversation and the reference, cut
      to the length of a model's answer: between them lies all that a score of that length can say. Fig. ${refer("fig:lengths")} has
      the same for other lengths. The template, which knows nothing but the facts, has all of the coverage and little of the rest; no
      score suffices alone.`,
    ),
    scoreTable(context, "tab:baselines", prose`Baselines and bounds, with intervals`, [simple], []),
    figures.lengths,
    subsection("Adapters and unfrozen blocks"),
    ...group(
      context,
      adapted,
      "04-lora-training",
      "tab:adaptation",
      prose`Fine-tuned models without snippets, beside the base model and the
      bounds of their length`,
      [beside, adapted],
      adaptation,
    ),
    ...claims(context, "training", prose`trained model`, prose`the model it started from`),
    ...claims(context, "unfreezing", prose`model with unfrozen blocks`, prose`the same with adapters alone`),
    ...claims(context, "bound", prose`trained model`, prose`a random conversation of its length`),
    ...claims(
      context,
      "choice",
      prose`model that chooses among several answers`,
      prose`the same with one answer`,
      prose`The answer chosen is the one that says most of the personas’ content words. So a higher content coverage is the
      choice itself; whether the answers are better, only the other scores can say.`,
    ),
    figures.curves,
    subsection("Retrieved snippets"),
    ...group(
      context,
      augmented,
      "05-rag-ablation",
      "tab:retrieval",
      prose`Models that read retrieved snippets, beside those that do not`,
      [adapted, augmented],
      ablation,
    ),
    ...claims(context, "retrieval", prose`model with snippets`, prose`the same without`),
    ...claims(context, "content", prose`model with retrieved snippets`, prose`the same with random ones`),
    figures.scatter,
    ...(misused.length === 0
      ? []
      : [
          subsection("Inputs of another form"),
          paragraph(
            prose`A part of the proposal's models was evaluated with inputs of another form than they had been trained with.
            Table ${refer("tab:form")} repeats this mistake on purpose; nowhere else is it made.`,
          ),
          scoreTable(context, "tab:form", prose`Trained models asked in another form`, [misused], []),
          ...claims(
            context,
            "form",
            prose`model asked in another form`,
            prose`the same asked as it was trained`,
          ),
        ]),
    subsection("The grid"),
    ...group(context, gridRuns, "06-grid-experiment", "tab:grid", prose`Runs of the grid`, [gridRuns], grid),
    ...claims(context, "length", prose`model with longer answers`, prose`the same with shorter ones`),
    ...effectTables(context),
    subsection("The proposal’s figures"),
    paragraph(
      prose`Table ${refer("tab:proposal")} quotes what the project's proposal reports. Its test conversations and limits were others, and
      a part of its models was evaluated with inputs of another form than trained; the rows are context, not rivals.`,
    ),
    proposalTable(context),
    ...(others.length === 0
      ? []
      : [
          scoreTable(
            context,
            "tab:others",
            prose`Evaluated on other conversations than the rest; not to be compared with it`,
            [groupFamilies(others)],
            [],
          ),
        ]),
  ];
}

function cases(context: ReportContext, variant: FoundVariant): Inline {
  const value = context.sources.value(variant.file, [...variant.path, "cases"], "integer");
  return { type: "value", value };
}

/** A table of scores with a sentence before it, or plain words that there is nothing. */
function group(
  context: ReportContext,
  found: readonly Family[],
  notebook: string,
  label: string,
  caption: Text,
  groups: readonly (readonly Family[])[],
  expected: readonly ExpectedRow[],
): Block[] {
  const absent = expected.filter(({ is }) => !found.some(is));
  if (found.length === 0) {
    return [
      paragraph(
        prose`${missingScore(`no summary has a variant of ${notebook}`)}: no run of this part was found, so that nothing can be said about
        it. The notebook ${data(notebook)} leaves them: ${enumerate(absent.map(({ name }) => data(name)))}.`,
      ),
    ];
  }
  const table = scoreTable(context, label, caption, groups, absent);
  const gap =
    absent.length === 0 ? [] : prose` Rows that are missing there are of runs that left no summary.`;
  return [paragraph(prose`Table ${refer(label)} has the scores.${gap}`), table];
}

function scoreTable(
  context: ReportContext,
  label: string,
  caption: Text,
  groups: readonly (readonly Family[])[],
  absent: readonly ExpectedRow[],
): Table {
  const row = (family: Family): readonly Text[] => [
    familyName(family.members),
    ...shown.map((metric) => familyScore(context, family, metric, metric !== "outputTokens")),
  ];
  const missingRows = absent.map(({ name }): readonly Text[] => [
    [data(name)],
    ...shown.map(() => missingScore("no summary has this run")),
  ]);
  const rows = groups.map((variants) => variants.map(row));
  return {
    type: "table",
    label,
    caption,
    columns: [
      { title: ["variant"], align: "left", width: 0.25 },
      ...shown.map((metric): Column => ({ title: [metricNames[metric]], align: "right" })),
    ],
    groups: [...rows, missingRows].filter((one) => one.length > 0),
    wide: true,
  };
}

/** Sentences about all effects of a kind, from their tests, and a remark on them. */
function claims(context: ReportContext, kind: EffectKind, a: Text, b: Text, remark?: Text): Block[] {
  const tally = context.computed.tallies[kind];
  if (!tally) return [];
  const about = (metric: EffectMetric): Text => {
    const { effects, higher, lower } = tally[metric];
    const count = (name: "effects" | "higher" | "lower" | "undecided") =>
      computed(context, ["tallies", kind, metric, name], "integer");
    const name = metricNames[metric];
    if (effects === 1) {
      if (higher === 0 && lower === 0) return prose`In ${name} the test shows no difference.`;
      return prose`In ${name} the first is ${higher === 1 ? "higher" : "lower"}.`;
    }
    if (higher === 0 && lower === 0)
      return prose`In ${name} the tests show no difference in any of the ${count("effects")} comparisons.`;
    if (higher === effects)
      return prose`In ${name} the first is higher in all ${count("effects")} comparisons.`;
    if (lower === effects)
      return prose`In ${name} the first is lower in all ${count("effects")} comparisons.`;
    return prose`In ${name} the first is higher in ${count("higher")} of ${count("effects")} comparisons and lower in
      ${count("lower")}; undecided: ${count("undecided")}.`;
  };
  const sentences = (["rougeL", "personaCoverage", "personaCoverageContent"] as const).flatMap(
    (metric): Piece[] => [" ", about(metric)],
  );
  return [
    paragraph(
      prose`Compared are a ${a} and ${b} (Table ${refer(`tab:effect-${kind}`)}).${sentences.flat() as Text}`,
    ),
    ...(remark ? [paragraph(remark)] : []),
  ];
}

const effectCaptions: Record<EffectKind, Text> = {
  training: prose`What training adds: trained model minus base model`,
  unfreezing: prose`What unfrozen blocks add to adapters`,
  retrieval: prose`What snippets add: model with snippets minus model without`,
  content: prose`What their content adds: retrieved snippets minus random ones`,
  choice: prose`What choosing adds: the best of several answers minus a single one`,
  form: prose`What another form of input takes away: in another form minus as trained`,
  length: prose`What longer answers add: longer minus shorter`,
  bound: prose`Models minus a random conversation of about their length`,
};

/** The differences behind the sentences. */
function effectTables({ sources, found, computed: { effects } }: ReportContext): Table[] {
  const sideName = (names: readonly string[]) =>
    familyName(found.variants.filter(({ name }) => names.includes(name)));
  const kinds = [...new Set(effects.map(({ kind }) => kind))];
  return kinds.map((kind): Table => {
    const rows = effects.flatMap((effect): (readonly Text[])[] => {
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
    return {
      type: "table",
      label: `tab:effect-${kind}`,
      caption: effectCaptions[kind],
      columns: [
        { title: ["variant"], align: "left", width: 0.2 },
        { title: ["minus"], align: "left", width: 0.16 },
        ...effectMetrics.map((metric): Column => ({ title: [metricNames[metric]], align: "right" })),
      ],
      groups: [rows],
      wide: true,
      note: prose`Difference, its bootstrap interval, and the adjusted p-value of the paired test.`,
    };
  });
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
