import { cite, type PaperDocument, paragraph, proseWith, section, type Sources } from "../paper";
import { bibliography } from "./bibliography";
import { differenceColumns, savedFigure, savedRows, savedTable, savedValue } from "./parts";
import type { Study } from "./studies";

const notebook = "11-persona-alignment";
const at = (name: string) => `${notebook}/${name}`;
const prose = proseWith("BLEU-1", "BLEU-4", "C.score");

/** Persona-aware alignment (notebook 11): from the tables that it saved. */
export const alignmentStudy: Study = {
  notebook,
  async compose(sources): Promise<PaperDocument> {
    const shown = savedRows(sources, at("differences.json")).flatMap((row, i) =>
      row["verdict"] === "no difference shown" ? [] : [i],
    );
    const difference = (i: number) => {
      const of = (field: string, format: "text" | "signed3" | "decimal3" = "decimal3") =>
        savedValue(sources, at("differences.json"), [i, field], format);
      return prose`${of("a − b", "text")} (${of("metric", "text")}: ${of("difference", "signed3")}, interval ${of("low", "signed3")} to ${of("high", "signed3")})`;
    };
    return {
      title: "Persona-Aware Alignment: Which Fact, and What to Say with It",
      authors: ["The persona-dialogue-notebooks project"],
      abstract: prose`A small language model learns, as PAL does, to tell which fact of a persona its next turn rests on, and to answer with it: by a mixture of
        tasks, by preferences, and by selecting before generating. ${countOf(sources, shown.length)} Every number is read from a file that the
        notebook left.`,
      keywords: ["dialogue generation", "personas", "preference optimisation", "alignment", "TypeScript"],
      works: bibliography,
      blocks: [
        section("Method"),
        paragraph(
          prose`A row is a turn with the facts of who speaks, what was said before, and the label of the fact that it rests on, or of none. Stage one
            is one model that learns three tasks from one stream: to select a fact, to answer with it, to answer without any. Stage two is
            direct preference optimisation ${cite("rafailov2023")}: what was said is preferred to what the model of stage one says who knows the history
            alone, and the policy is held to that model. In inference the model selects, and then answers with what it selected. Adapters are
            low-rank ${cite("hu2022")}. Intervals draw whole conversations, tests swap them, and p-values are adjusted for all comparisons together ${cite("holm1979")}.`,
        ),
        section("Labels"),
        savedTable(sources, {
          label: "tab:labels",
          caption: prose`Ways to derive labels against those noted by hand; thresholds were chosen on other conversations`,
          file: at("labels.json"),
          columns: interval("way", { accuracy: "accuracy", kappa: "κ" }),
        }),
        section("Selection"),
        savedTable(sources, {
          label: "tab:selection",
          caption: prose`Which fact is selected for test rows`,
          file: at("selection.json"),
          columns: [
            { field: "way" },
            { field: "accuracy", format: "decimal2" },
            { field: "kappa", title: ["κ"], format: "decimal2" },
            { field: "nonePrecision", title: ["P(none)"], format: "decimal2" },
            { field: "noneRecall", title: ["R(none)"], format: "decimal2" },
          ],
        }),
        section("Results"),
        paragraph(
          shown.length === 0
            ? prose`No step's difference was shown by interval and adjusted test together.`
            : prose`Shown by interval and adjusted test together: ${shown.flatMap((i, place) => [...(place > 0 ? ["; "] : []), ...difference(i)])}. Of the other steps no
                difference was shown.`,
        ),
        savedTable(sources, {
          label: "tab:scores",
          wide: true,
          caption: prose`Answers to test rows; perplexity is that of what was said`,
          file: at("scores.json"),
          columns: [
            { field: "variant" },
            { field: "perplexity", format: "decimal1" },
            { field: "perplexity low", title: ["low"], format: "decimal1" },
            { field: "perplexity high", title: ["high"], format: "decimal1" },
            { field: "bleu1", title: ["BLEU-1"], format: "decimal1" },
            { field: "bleu4", title: ["BLEU-4"], format: "decimal1" },
            { field: "rougeL", title: ["ROUGE-L"] },
            { field: "ownership" },
            { field: "words", format: "decimal1" },
          ],
        }),
        savedTable(sources, {
          label: "tab:steps",
          wide: true,
          caption: prose`What each step changes, on the same rows`,
          file: at("differences.json"),
          columns: differenceColumns,
        }),
        await savedFigure(sources, {
          file: at("steps"),
          label: "fig:steps",
          wide: true,
          caption: prose`What each step changes, with intervals over conversations`,
          alternative: "Differences of perplexity and ROUGE-L for each step, with intervals",
        }),
        section("Consistency"),
        paragraph(
          prose`C.score takes, of an answer, the largest of the labels that a scorer of contradiction gives to the facts, or their sum. The scorer neither
            chose a label nor rewarded an answer. Beside the raw number stands the one with its errors taken out: the interval is as wide as these
            make it.`,
        ),
        savedTable(sources, {
          label: "tab:cscore",
          wide: true,
          caption: prose`C.scores`,
          file: at("cscore.json"),
          columns: [
            { field: "variant" },
            { field: "definition" },
            { field: "raw", format: "decimal2" },
            { field: "corrected", format: "decimal2" },
            { field: "corrected low", title: ["low"], format: "decimal2" },
            { field: "corrected high", title: ["high"], format: "decimal2" },
          ],
        }),
        section("Bounds and Costs"),
        savedTable(sources, {
          label: "tab:equal",
          wide: true,
          caption: prose`Answers cut to equally many words; distinct-n in equally many words of each`,
          file: at("equal-length.json"),
          columns: [
            { field: "variant" },
            { field: "bleu1", title: ["BLEU-1"], format: "decimal1" },
            { field: "rougeL", title: ["ROUGE-L"] },
            { field: "ownership" },
            { field: "distinct-1", title: ["distinct-one"] },
            { field: "distinct-2", title: ["distinct-two"] },
          ],
        }),
        savedTable(sources, {
          label: "tab:cost",
          caption: prose`Seconds, and the most memory that was seen`,
          file: at("cost.json"),
          columns: [
            { field: "step", width: 0.6 },
            { field: "seconds", format: "decimal1" },
            { field: "peakMiB", title: ["MiB"], format: "integer" },
          ],
        }),
        savedTable(sources, {
          label: "tab:carry",
          caption: prose`Perplexity against the base, elsewhere`,
          file: at("carry-over.json"),
          columns: [
            { field: "where", width: 0.25 },
            { field: "a − b", width: 0.3 },
            { field: "difference", format: "signed3" },
            { field: "low", format: "signed3" },
            { field: "high", format: "signed3" },
          ],
        }),
      ],
    };
  },
};

/** Columns of values with their intervals: fields, and what they are called. */
const interval = (name: string, fields: Readonly<Record<string, string>>) => [
  { field: name },
  ...Object.entries(fields).flatMap(([field, title]) => [
    { field, title: [title], format: "decimal2" as const },
    { field: `${field} low`, title: ["low"], format: "decimal2" as const },
    { field: `${field} high`, title: ["high"], format: "decimal2" as const },
  ]),
];

/** How many of the compared steps changed something, in words. */
const countOf = (sources: Sources, shown: number) => {
  const all = savedRows(sources, at("differences.json")).length;
  if (all === 0) return prose`The notebook has not run.`;
  return shown === 0
    ? prose`Of the differences that were tested none is shown.`
    : prose`Some of the differences that were tested are shown, others are not.`;
};
