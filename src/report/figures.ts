import { join } from "node:path";
import type { SetMetric } from "../evaluation";
import { BrowserMissingError, type Figure, intervalPanels, lines, renderFigure, scatter } from "../figures";
import { readTrainingLog } from "../training";
import { data, prose, type ReportFigure } from "./document";
import type { FoundOutputs, FoundVariant, Kind } from "./found";
import type { Sources } from "./sources";
import { setting } from "./context";

/** What kinds of variants are called in figures. */
const kindNames: Record<Kind, string> = {
  bound: "bounds",
  baseline: "baselines",
  base: "before training",
  model: "fine-tuned",
};

/** Pixels of a figure in one column: its texts are then as large as the captions. */
const columnWidth = 470;

/** The four scores of all variants, with their intervals: `eval_summary`. */
export function summaryFigure(variants: readonly FoundVariant[]): Figure {
  const panels: [SetMetric, string][] = [
    ["bleu", "BLEU (0–100)"],
    ["rougeL", "ROUGE-L"],
    ["jaccard", "Jaccard"],
    ["personaCoverage", "persona coverage"],
  ];
  // The reference's perfect scores would press all others into a corner.
  const shown = variants.filter(({ summary }) => summary.variant !== "reference");
  return intervalPanels({
    title: "All variants in the four scores",
    caption: `Marks are scores over ${shown[0]?.summary.cases ?? 0} conversations, lines their 95 % bootstrap intervals. The whole reference, which is perfect by definition, is left out.`,
    width: 960,
    categories: shown.map(({ name }) => name),
    groups: shown.map(({ kind }) => kindNames[kind]),
    panels: panels.map(([metric, title]) => ({
      title,
      values: shown.map(({ summary }) => summary.metrics[metric]),
    })),
  });
}

function scatterFigure(variants: readonly FoundVariant[]): Figure {
  const kinds = [...new Set(variants.map(({ kind }) => kind))];
  const shown = variants.filter(({ summary }) => summary.variant !== "reference");
  return scatter({
    title: "",
    series: kinds.map((kind) => {
      const these = shown.filter((one) => one.kind === kind);
      return {
        name: kindNames[kind],
        x: these.map(({ summary }) => summary.metrics.rougeL.value),
        y: these.map(({ summary }) => summary.metrics.personaCoverageContent.value),
      };
    }),
    x: { title: "ROUGE-L" },
    y: { title: "content coverage" },
    width: columnWidth,
    height: 360,
  });
}

/** Training and validation loss of the adapters that were evaluated, where their logs lie. */
function curvesFigure(variants: readonly FoundVariant[]): Figure | undefined {
  const logs = variants.flatMap((variant) => {
    const adapter = variant.kind === "model" ? setting(variant, "adapter") : undefined;
    if (typeof adapter !== "string" || variant.run !== null || Number(setting(variant, "k")) > 0) return [];
    const rows = readTrainingLog(join(adapter, "..", "training_log.jsonl"));
    return rows.length > 0 ? [{ name: variant.name, rows }] : [];
  });
  if (logs.length === 0) return undefined;
  return lines({
    title: "",
    series: logs.slice(0, 7).map(({ name, rows }) => {
      const evaluated = rows.filter(({ evalLoss }) => evalLoss !== undefined);
      const [points, loss] =
        evaluated.length > 1 ? [evaluated, "evalLoss" as const] : [rows, "loss" as const];
      return { name, x: points.map(({ step }) => step), y: points.map((row) => row[loss] ?? null) };
    }),
    x: { title: "step" },
    y: { title: "loss", unit: "nats a token" },
    width: columnWidth,
    height: 380,
  });
}

export type ReportFigures = Record<"summary" | "scatter" | "curves" | "lengths", ReportFigure>;

/** All figures of the report, drawn from the files of runs. */
export async function reportFigures(found: FoundOutputs, sources: Sources): Promise<ReportFigures> {
  const { variants } = found;
  const none = "no evaluation was found to draw it from";
  const curves = curvesFigure(variants);
  return {
    summary: {
      type: "figure",
      label: "fig:summary",
      caption: prose`All variants in the four scores, with bootstrap intervals. The whole reference, perfect by definition, is left out.`,
      alternative: "Intervals of BLEU, ROUGE-L, Jaccard and persona coverage for every variant",
      wide: true,
      picture: variants.length > 0 ? await draw(summaryFigure(variants)) : { missing: none },
    },
    scatter: {
      type: "figure",
      label: "fig:scatter",
      caption: prose`Words shared with the reference against words of the personas. Towards the upper right an answer is both.`,
      alternative: "Content coverage against ROUGE-L, a point for each variant",
      wide: false,
      picture: variants.length > 0 ? await draw(scatterFigure(variants)) : { missing: none },
    },
    curves: {
      type: "figure",
      label: "fig:curves",
      caption: prose`Loss of the models without snippets while they train, on the validation conversations where it was measured.`,
      alternative: "Loss against the step, a line for each model",
      wide: false,
      picture: curves
        ? await draw(curves)
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

/** A figure as the report shows it: its title and caption are in the text. */
async function draw(figure: Figure): Promise<ReportFigure["picture"]> {
  try {
    const { svg, pdf } = await renderFigure(untitled(figure));
    return { svg, pdf };
  } catch (error) {
    if (!(error instanceof BrowserMissingError)) throw error;
    return { missing: "there was no browser to draw it" };
  }
}

/** Takes the title away, and the room that it took. */
function untitled(figure: Figure): Figure {
  const { title, margin, legend, height = 0, ...layout } = figure.layout;
  void title;
  const head = (1 - (legend?.y ?? 1)) * height;
  const left = height - head;
  return {
    data: figure.data,
    layout: {
      ...layout,
      height: left,
      margin: { ...margin, t: (margin?.t ?? 0) - head + 4 },
      legend: { ...legend, y: 1 },
    },
  };
}

/** A figure that a notebook saved, drawn again, if it is the one that the notebook's manifest lists. */
async function savedFigure(
  { manifests }: FoundOutputs,
  sources: Sources,
  notebook: string,
  name: string,
): Promise<ReportFigure["picture"]> {
  const run = manifests.find(({ manifest }) => manifest.name === notebook);
  if (!run) return { missing: `there is no manifest of ${notebook}, which leaves it` };
  const file = `${notebook}/${name}.json`;
  const listed = run.manifest.files.find(({ path }) => path.endsWith(`/${file}`));
  if (!listed || sources.sha256(file) !== listed.sha256)
    return { missing: `${notebook} left no ${name}, or it has been changed since` };
  return draw(sources.read(file) as Figure);
}
