import { join } from "node:path";
import { factsCounted, type SetMetric, type VariantKind } from "../evaluation";
import { colours, type Figure, intervalPanels, lines } from "../figures";
import type { Interval } from "../metrics";
import { data, drawFigure, type PaperFigure, refer, type Sources } from "../paper";
import { readTrainingLog } from "../training";
import { type Computed, familyIndex } from "./computed";
import { metricNames, type ReportContext } from "./context";
import { type EffectKind, effectMetrics, effectNames, type Family } from "./effects";
import { type FoundOutputs, type FoundVariant, trainingFile } from "./found";
import { prose } from "./prose";
import { selected } from "./selection";

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
  /** `null` for an ownership of no facts. */
  score: (metric: SetMetric) => Interval | null;
}

/**
 * Four scores of the variants that the report tells of, several seeds as one row, with their intervals: `eval_summary`.
 *
 * @param families those of `selectVariants`
 */
export function summaryFigure(
  families: readonly Family[],
  computed: Pick<Computed, "families">,
  caption = `Marks are scores over ${families[0]?.members[0]?.summary.cases ?? 0} conversations, lines their 95 % bootstrap intervals. eval_metrics.csv has all variants.`,
): Figure {
  return intervalsFigure(familyRows(families, computed), caption);
}

/** Variants that differ in their seed only as one row: a mean has its interval from what the report computed. */
function familyRows(families: readonly Family[], computed: Pick<Computed, "families">): Row[] {
  return families.map((one): Row => {
    const { name, kind, members } = one;
    const isMissing = factsCounted(members.flatMap(({ cases }) => cases)) === 0;
    const ofOne = (metric: SetMetric) => members[0]!.summary.metrics[metric];
    const ofSeveral = (metric: SetMetric) => {
      const { metrics } = computed.families[familyIndex(computed.families, one)]!;
      const { value } = metrics[metric]!;
      return { low: value, high: value, ...metrics[metric]! };
    };
    const score = members.length === 1 ? ofOne : ofSeveral;
    return { name, kind, score: (metric) => (metric === "ownership" && isMissing ? null : score(metric)) };
  });
}

function intervalsFigure(rows: readonly Row[], caption: string): Figure {
  const panels: [SetMetric, string][] = [
    ["bleu", "BLEU (0–100)"],
    ["rougeL", "ROUGE-L"],
    ["personaCoverageContent", "content coverage"],
    ["ownership", "ownership"],
  ];
  return intervalPanels({
    title: "What the variants scored",
    caption,
    width: 960,
    rowHeight: Math.max(15, Math.min(22, 800 / rows.length)),
    categories: rows.map(({ name }) => name),
    groups: rows.map(({ kind }) => kindNames[kind]),
    panels: panels.map(([metric, title]) => ({ title, values: rows.map(({ score }) => score(metric)) })),
  });
}

/** Questions whose differences are in the figure; the others are of little doubt or beside the point, and in the table. */
const drawn: readonly EffectKind[] = ["training", "unfreezing", "retrieval", "content"];

/** Differences that were tested, with their intervals, beside a line where there is none. */
function effectsFigure({ effects }: Computed, variants: readonly FoundVariant[]): Figure {
  const [metric] = effectMetrics;
  const rows = effects.filter((one) => one.metric === metric && drawn.includes(one.kind));
  const nameOf = (names: readonly string[]) =>
    names.length === 1 ? names[0]! : variants.find(({ name }) => name === names[0])!.family;
  const same = (a: readonly string[], b: readonly string[]) => a.join("\n") === b.join("\n");
  return intervalPanels({
    title: "",
    width: 960,
    rowHeight: Math.max(15, Math.min(22, 640 / rows.length)),
    categories: rows.map(({ a }) => nameOf(a)),
    groups: rows.map(({ kind }) => effectNames[kind]),
    panels: effectMetrics.map((metric) => ({
      title: metricNames[metric],
      zero: true,
      values: rows.map((row) => {
        const one = effects.find(
          (each) =>
            each.kind === row.kind && each.metric === metric && same(each.a, row.a) && same(each.b, row.b),
        )!;
        return { value: one.difference, low: one.low, high: one.high };
      }),
    })),
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

export type ReportFigures = Record<"summary" | "effects" | "curves" | "snippets", PaperFigure>;

/** All figures of the report, drawn from the files of runs. */
export async function reportFigures({
  found,
  sources,
  selection,
  computed,
}: ReportContext): Promise<ReportFigures> {
  const { variants } = found;
  const none = "no evaluation was found to draw it from";
  const curves = curvesFigure(variants, sources);
  return {
    summary: {
      type: "figure",
      label: "fig:summary",
      caption: prose`The variants of Table ${refer("tab:main")}, with bootstrap intervals.`,
      alternative: "Intervals of BLEU, ROUGE-L, content coverage and ownership for every variant",
      wide: true,
      picture:
        variants.length > 0
          ? await drawFigure(summaryFigure(selected(selection), computed, ""))
          : { missing: none },
    },
    effects: {
      type: "figure",
      label: "fig:effects",
      caption: prose`What training, unfrozen blocks, snippets, and their content add to a variant: its difference to the one without, with a
        bootstrap interval. An interval across the line shows nothing.`,
      alternative: "Intervals of the differences in ROUGE-L, content coverage and ownership",
      wide: true,
      picture: computed.effects.some(({ kind }) => drawn.includes(kind))
        ? await drawFigure(effectsFigure(computed, variants))
        : { missing: "no two variants differ in one thing" },
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
    snippets: {
      type: "figure",
      label: "fig:snippets",
      caption: prose`Scores over the number of snippets, by where they come from (from the notebook ${data("05-rag-ablation")}).`,
      alternative: "Three scores against the number of snippets, a line for each retriever",
      wide: true,
      picture: await savedFigure(found, sources, "05-rag-ablation", "snippets"),
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
