import { existsSync } from "node:fs";
import { join } from "node:path";
import { type PaperDocument, type Sources, writePaper, type WrittenPaper } from "../paper";
import { simulatorStudy } from "./study-simulator";
import { personalityStudy } from "./study-personality";
import { makingDialogues } from "./study-synthesis";
import { alignmentStudy } from "./study-alignment";

/** A study with a report of its own, which its notebook's last cell writes. */
export interface Study {
  /** Its notebook's name, which is also that of the folder that the run leaves its tables and figures in. */
  readonly notebook: string;
  /** What the report says, from the files that the notebook left: tables and figures as those of `parts.ts`. */
  compose(sources: Sources): PaperDocument | Promise<PaperDocument>;
}

/** The studies beside the first, whose report is `writeReport`'s; a new one is a line here. */
export const studies: readonly Study[] = [simulatorStudy, personalityStudy, makingDialogues, alignmentStudy];

/** Where a study's report goes: a folder beside its notebook's. */
export const reportName = ({ notebook }: Pick<Study, "notebook">): string => `report-${notebook}`;

/**
 * Writes the report of one study ({@link writePaper}) into `report-` and its notebook's name, beside the notebook's own folder.
 *
 * @param outputs the folder that runs write to
 * @throws {Error} if there is no such study, or a value of the finished report does not agree with its file
 */
export async function writeStudyReport({
  outputs,
  notebook,
  from = studies,
}: {
  outputs: string;
  notebook: string;
  /** @default all studies of this project */
  from?: readonly Study[];
}): Promise<WrittenPaper> {
  const study = from.find((one) => one.notebook === notebook);
  if (!study) {
    const known = from.map((one) => one.notebook).join(", ") || "none";
    throw new Error(`no study has the notebook ${JSON.stringify(notebook)} (known: ${known})`);
  }
  return writePaper({ outputs, name: reportName(study) }, (sources) => study.compose(sources));
}

/** The studies whose notebooks have run to their end in a folder. */
export function finishedStudies(outputs: string, from: readonly Study[] = studies): Study[] {
  return from.filter(({ notebook }) => existsSync(join(outputs, notebook, "manifest.json")));
}
