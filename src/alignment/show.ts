import type { Interval } from "../metrics";
import type { StepLog } from "../training";
import { alignmentTasks } from "./prompts";
import { readRows, type Said, type Selection, type SelectionRow } from "../corpus";
import type { Agreement } from "./agreement";
import type { ScoredVariant } from "./evaluate";
import { type AlignmentMetric, alignmentMetrics } from "./scores";

/** Digits of each score in a table. */
const digits = (metric: AlignmentMetric): number =>
  metric.startsWith("bleu") || metric === "perplexity" || metric === "words" ? 1 : 3;

const cell = ({ value, low, high }: Interval, places = 3): string =>
  `${value.toFixed(places)} [${low.toFixed(places)}, ${high.toFixed(places)}]`;

/** Agreements as rows of a table: values with 95 % intervals. */
export const agreementRows = (
  named: readonly { readonly name: string; readonly agreement: Agreement }[],
): Record<string, string | number>[] =>
  named.map(({ name, agreement: { rows, accuracy, kappa, nonePrecision, noneRecall } }) => ({
    way: name,
    rows,
    accuracy: cell(accuracy),
    κ: cell(kappa),
    "precision of none": cell(nonePrecision),
    "recall of none": cell(noneRecall),
  }));

/** The same as numbers, for files. */
export const agreementRecords = (
  named: readonly { readonly name: string; readonly agreement: Agreement }[],
): Record<string, string | number>[] =>
  named.map(({ name, agreement: { rows, ...scores } }) => ({ way: name, rows, ...flat(scores) }));

/** Scores as rows of a table: values with 95 % intervals. */
export const answerScoreRows = (
  named: readonly { readonly name: string; readonly intervals: Partial<Record<AlignmentMetric, Interval>> }[],
  metrics: readonly AlignmentMetric[] = alignmentMetrics,
): Record<string, string>[] =>
  named.map(({ name, intervals }) => ({
    variant: name,
    ...Object.fromEntries(
      metrics.map((metric) => {
        const interval = intervals[metric];
        return [metric, interval ? cell(interval, digits(metric)) : ""];
      }),
    ),
  }));

/** The same as numbers, for files. */
export const answerScoreRecords = (
  named: readonly { readonly name: string; readonly intervals: Partial<Record<AlignmentMetric, Interval>> }[],
): Record<string, string | number>[] =>
  named.map(({ name, intervals }) => ({ variant: name, ...flat(intervals) }));

const flat = (scores: Readonly<Record<string, unknown>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(scores as Record<string, Interval>).flatMap(([name, { value, low, high }]) => [
      [name, value],
      [`${name} low`, low],
      [`${name} high`, high],
    ]),
  );

/** What was selected where, beside the label, as rows of a table. */
export const selectionRows = (
  rows: readonly SelectionRow[],
  selected: ReadonlyMap<string, Selection>,
): Record<string, string>[] =>
  rows.map((row) => {
    const name = (place: Selection | undefined) =>
      place === undefined ? "" : place === null ? "–" : (row.persona[place] ?? "");
    return {
      "said before": row.history.at(-1)!,
      response: row.response,
      label: name(row.label),
      selected: name(selected.get(row.id)),
    };
  });

/** Both C.scores of variants as numbers: as the scorer labels, and with its errors taken out. */
export const consistencyRecords = (
  named: readonly Pick<ScoredVariant, "name" | "consistency">[],
): Record<string, string | number>[] =>
  named.flatMap(({ name, consistency }) =>
    consistency
      ? (["max", "sum"] as const).map((definition) => {
          const { raw, corrected, answers } = consistency[definition];
          return { variant: name, definition: `cscore_${definition}`, answers, ...flat({ raw, corrected }) };
        })
      : [],
  );

/** The first pairs of a file as rows of a table: what was said last, and both answers. */
export const pairRows = (path: string, count: number): Record<string, string>[] =>
  readRows(path, ["preference"])
    .rows.slice(0, count)
    .map(({ prompt, chosen, rejected }) => {
      const last = (said: Said) => (typeof said === "string" ? said : (said.at(-1)?.content ?? ""));
      return { "said before": last(prompt), chosen: last(chosen), rejected: last(rejected) };
    });

/** Of each task of a mixture: its mean loss in the first and the last fifth of a run, and its share of all labels that were learned. */
export function taskRows(log: readonly StepLog[]): Record<string, string | number>[] {
  const fifth = Math.max(1, Math.floor(log.length / 5));
  const mean = (rows: readonly StepLog[], name: string): number => {
    const values = rows.flatMap(({ metrics }) => metrics?.[name] ?? []);
    return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
  };
  return alignmentTasks.map((task) => ({
    task,
    "loss at first": mean(log.slice(0, fifth), `loss/${task}`),
    "loss at last": mean(log.slice(-fifth), `loss/${task}`),
    "share of labels": mean(log, `share/${task}`),
  }));
}
