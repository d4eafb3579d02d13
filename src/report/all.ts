import { join } from "node:path";
import { bindPapers, type WrittenPaper } from "../paper";
import { finishedStudies, reportName, writeStudyReport } from "./studies";
import { type ReportOptions, writeReport, type WrittenReport } from "./write";

/** What {@link writeReports} wrote. */
export interface WrittenReports {
  /** The first study's. */
  readonly first: WrittenReport;
  /** Those of the other studies whose notebooks have run to their end. */
  readonly others: readonly (WrittenPaper & { readonly name: string })[];
  /** The files of all of them in one; none where there is one report alone, or no browser. */
  readonly bound: readonly string[];
}

/** Makes the reports of all studies that left something in a folder, and binds them into `reports` there. */
export async function writeReports({ outputs, seed }: ReportOptions): Promise<WrittenReports> {
  const first = await writeReport({ outputs, ...(seed !== undefined && { seed }) });
  const others: (WrittenPaper & { name: string })[] = [];
  for (const study of finishedStudies(outputs))
    others.push({
      name: reportName(study),
      ...(await writeStudyReport({ outputs, notebook: study.notebook })),
    });
  const names = ["report", ...others.map(({ name }) => name)];
  const isLaidOut = [first, ...others].every(({ pages }) => pages.length > 0);
  const bound =
    others.length > 0 && isLaidOut
      ? await bindPapers(
          { outputs, name: "reports" },
          names.map((name) => join(outputs, name, `${name}.html`)),
        )
      : [];
  return { first, others, bound };
}
