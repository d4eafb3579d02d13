import { dirname, join } from "node:path";
import { additiveMetric, readEvaluation, scoreCase, type SetMetric } from "../evaluation";
import { readJson } from "../io";
import type { TracedValue } from "../paper";

/**
 * Scores the answers behind a score of the report again, from the cases beside its summary.
 *
 * @returns the score, unrounded, and which answers it is of; `undefined` for a value that is no score of a variant
 * @throws {Error} if the cases are gone or are not those of the summary
 */
export function recompute(
  { file, pointer }: Pick<TracedValue, "file" | "pointer">,
  outputs: string,
): { variant: string; answers: number; value: number } | undefined {
  const [, row, metric] = /^\/variants\/(\d+)\/metrics\/(\w+)\/value$/.exec(pointer) ?? [];
  const runId = /stage3_summary_(.+)\.json$/.exec(file)?.[1];
  if (row === undefined) return undefined;
  const path = join(outputs, file);
  const { variants } = readJson(path) as { variants: { variant: string }[] };
  const { variant } = variants[Number(row)]!;
  const cases = readEvaluation({ directory: dirname(path), ...(runId ? { runId } : {}) }).cases.get(variant);
  if (!cases) throw new Error(`${path}: the cases of "${variant}" are not those of its summary`);
  const scored = cases.map((one) => ({ ...one, metrics: scoreCase(one) }));
  const { rows, value } = additiveMetric(scored, metric as SetMetric);
  const sums = Float64Array.from(rows[0]!, (_, column) => rows.reduce((sum, each) => sum + each[column]!, 0));
  return { variant, answers: cases.length, value: value(sums, rows.length) };
}
