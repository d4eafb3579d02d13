import { join } from "node:path";
import type { SetMetric, VariantKind } from "../evaluation";
import { colours, type Figure, intervalPanels, lines, scatter } from "../figures";
import type { Interval } from "../metrics";
import { data, drawFigure, type PaperFigure, type Sources } from "../paper";
import { readTrainingLog } from "../training";
import { type Computed, familyIndex } from "./computed";
import type { ReportContext } from "./context";
import { groupFamilies } from "./effects";
import { type FoundOutputs, type FoundVariant, trainingFile } from "./found";
import { prose } from "./prose";

/** What kinds of variants are called in figures. */
const kindNames: Record<VariantKind, string> = {
  bound: "bounds",
  baseline: "baselines",
  base: "before training",
  model: "fine-tuned",
  misused: "asked in another form",
};

/** Pixels of a figure in one column: its texts are then as large as the captions. */
const columnWidth = 470;

/** A row of a figure: a variant, or several seeds of one. */
interface Row {
  name: string;
  kind: VariantKind;
  score: (metric: SetMetric) => Interval;
}

/** The reference's perfect scores would press all others into a corner. */
const isShown = ({ kind, identity: { family, cut } }: FoundVariant) =>
  !(kind === "bound" && family === "reference" && cut === null);

/** The four scores of all variants, each seed by itself, with their intervals: `eval_summary`. */
export function summaryFigure(variants: readonly FoundVariant[]): Figure {
  return intervalsFigure(
    variants
      .filter(isShown)
      .map(({ name, kind, summary }) => ({ name, kind, score: (metric) => summary.metrics[metric] })),
    `Marks are scores over ${variants[0]?.summary.cases ?? 0} conversations, lines their 95 % bootstrap intervals. The whole reference, which is perfect by definition, is left out.`,
  );
}

/** Variants that differ in their seed only as one row: a mean has its interval from what the report computed. */
function familyRows(variants: readonly FoundVariant[], computed: Computed): Row[] {
  return groupFamilies(variants.filter(isShown)).map((one): Row => {
    const { name, kind, members } = one;
    if (members.length === 1) return { name, kind, score: (metric) => members[0]!.summary.metrics[metric] };
    const { metrics } = computed.families[familyIndex(computed, one)]!;
    return {
      name,
      kind,
      score: (metric) => {
        const { value } = metrics[metric]!;
        return { low: value, high: value, ...metrics[metric]! };
      },
    };
  });
}

function intervalsFigure(rows: readonly Row[], caption: string): Figure {
  const panels: [SetMetric, string][] = [
    ["bleu", "BLEU (0–100)"],
    ["rougeL", "ROUGE-L"],
    ["jaccard", "Jaccard"],
    ["personaCoverage", "persona coverage"],
  ];
  return intervalPanels({
    title: "All variants in the four scores",
    caption,
    width: 960,
    rowHeight: Math.max(15, Math.min(22, 800 / rows.length)),
    categories: rows.map(({ name }) => name),
    groups: rows.map(({ kind }) => kindNames[kind]),
    panels: panels.map(([metric, title]) => ({ title, values: rows.map(({ score }) => score(metric)) })),
  });
}

function scatterFigure(rows: readonly Row[]): Figure {
  const kinds = [...new Set(rows.map(({ kind }) => kind))];
  return scatter({
    title: "",
    series: kinds.map((kind) => {
      const these = rows.filter((one) => one.kind === kind);
      return {
        name: kindNames[kind],
        x: these.map(({ score }) => score("rougeL").value),
        y: these.map(({ score }) => score("personaCoverageContent").value),
      };
    }),
    x: { title: "ROUGE-L" },
    y: { title: "content coverage" },
    width: columnWidth,
    height: 360,
  });
}

/** Training and validation loss of the adapters that were evaluated, where their logs lie. */
function curvesFigure(variants: readonly FoundVariant[], sources: Sources): Figure | undefined {
  const files = new Set<string>();
  const logs = variants.flatMap(({ kind, name, summary }) => {
    const file = kind === "model" ? trainingFile(sources, summary) : undefined;
    if (file === undefined || files.has(file) || Number(summary.settings["k"]) > 0) return [];
    files.add(file);
    const rows = readTrainingLog(join(sources.folder, file, "../../training_log.jsonl"));
    return rows.length > 0 ? [{ name, rows }] : [];
  });
  if (logs.length === 0) return undefined;
  const shown = logs.slice(0, colours.length);
  return lines({
    title: "",
    series: shown.map(({ name, rows }) => {
      const evaluated = rows.filter(({ evalLoss }) => evalLoss !== undefined);
      const [points, loss] =
        evaluated.length > 1 ? [evaluated, "evalLoss" as const] : [rows, "loss" as const];
      return { name, x: points.map(({ step }) => step), y: points.map((row) => row[loss] ?? null) };
    }),
    x: { title: "step" },
    y: { title: "loss", unit: "nats a token" },
    width: columnWidth,
    height: 300 + 24 * shown.length, // a name may take a line of the legend
  });
}

export type ReportFigures = Record<"summary" | "scatter" | "curves" | "lengths", PaperFigure>;

/** All figures of the report, drawn from the files of runs. */
export async function reportFigures({ found, sources, computed }: ReportContext): Promise<ReportFigures> {
  const { variants } = found;
  const none = "no evaluation was found to draw it from";
  const rows = familyRows(variants, computed);
  const curves = curvesFigure(variants, sources);
  return {
    summary: {
      type: "figure",
      label: "fig:summary",
      caption: prose`All variants in the four scores, with bootstrap intervals; several seeds of one variant are one row. The whole reference, perfect by definition, is left out.`,
      alternative: "Intervals of BLEU, ROUGE-L, Jaccard and persona coverage for every variant",
      wide: true,
      picture: variants.length > 0 ? await drawFigure(intervalsFigure(rows, "")) : { missing: none },
    },
    scatter: {
      type: "figure",
      label: "fig:scatter",
      caption: prose`Words shared with the reference against words of the personas. Towards the upper right an answer is both.`,
      alternative: "Content coverage against ROUGE-L, a point for each variant",
      wide: false,
      picture: variants.length > 0 ? await drawFigure(scatterFigure(rows)) : { missing: none },
    },
    curves: {
      type: "figure",
      label: "fig:curves",
      caption: prose`Loss of the models without snippets while they train, on the validation conversations where it was measured.`,
      alternative: "Loss against the step, a line for each model",
      wide: false,
      picture: curves
        ? await drawFigure(curves)
        : { missing: "no training log of an evaluated model was found; 04-lora-training leaves them" },
    },
    lengths: {
      type: "figure",
      label: "fig:lengths",
      caption: prose`Scores of the reference, the retrieved and a random conversation, cut to a number of words, with intervals (from the notebook ${data("03-baselines")}).`,
      alternative: "Six scores against the length of the answer",
      wide: true,
      picture: await savedFigure(found, sources, "03-baselines", "scores-by-length"),
    },
  };
}

/** A figure that a notebook saved, drawn again, if it is the one that the notebook's manifest lists. */
async function savedFigure(
  { manifests }: FoundOutputs,
  sources: Sources,
  notebook: string,
  name: string,
): Promise<PaperFigure["picture"]> {
  const run = manifests.find(({ manifest }) => manifest.name === notebook);
  if (!run) return { missing: `there is no manifest of ${notebook}, which leaves it` };
  const file = `${notebook}/${name}.json`;
  const listed = run.manifest.files.find(({ path }) => path.endsWith(`/${file}`));
  if (!listed || sources.sha256(file) !== listed.sha256)
    return { missing: `${notebook} left no ${name}, or it has been changed since` };
  return drawFigure(sources.read(file) as Figure);
}
