import { join } from "node:path";
import { metricsRow } from "../evaluation";
import { type Figure, saveFigure } from "../figures";
import { readJson, writeCsv } from "../io";
import { Sources, writePaper, type WrittenPaper } from "../paper";
import type { Computed } from "./computed";
import { computedFile } from "./context";
import { summaryFigure } from "./figures";
import { findOutputs, type FoundOutputs } from "./found";
import { selected, selectVariants } from "./selection";
import { composeStudy1 } from "./study-1";

export interface ReportOptions {
  /** The folder that runs write to; the report goes into `report` in it. */
  outputs: string;
  /**
   * Of the tests between variants.
   * @default 13
   */
  seed?: number;
}

export interface WrittenReport extends WrittenPaper {
  /** What it was made from. */
  found: FoundOutputs;
  /** The variants of its table in one figure; `undefined` where there are none. */
  summary: Figure | undefined;
}

/**
 * Makes the report from whatever evaluations and manifests lie in a folder: the paper of {@link composeStudy1} in `report`
 * ({@link writePaper}), with `computed.json` (what was computed for it); beside it `eval_summary.*` of the variants that it tells
 * of and `eval_metrics.csv` over all, which are among its `files`. Files that could not be used are among its `warnings`. Nothing of an earlier
 * report is read. Without a browser there is no PDF and there are no figures.
 *
 * @throws {Error} if a value of the finished report does not agree with its file
 */
export async function writeReport({ outputs, seed = 13 }: ReportOptions): Promise<WrittenReport> {
  const found = findOutputs(new Sources(outputs));
  const families = selected(selectVariants(found.variants));
  const paper = await writePaper({ outputs, name: "report" }, (sources) =>
    composeStudy1(sources, found, seed),
  );
  const files = [...paper.files];
  const all = [...found.variants, ...found.others];
  const computed = readJson(join(outputs, computedFile)) as Computed;
  const summary = families.length > 0 ? summaryFigure(families, computed) : undefined;
  if (summary) files.push(...(await saveFigure(summary, join(outputs, "eval_summary"))));
  if (all.length > 0) {
    const table = join(outputs, "eval_metrics.csv");
    writeCsv(
      table,
      all.map(({ summary, run }) => metricsRow(summary, run)),
    );
    files.push(table);
  }
  return { ...paper, files, found, summary, warnings: [...found.problems, ...paper.warnings] };
}
