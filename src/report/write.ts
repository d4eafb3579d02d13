import { rmSync } from "node:fs";
import { join } from "node:path";
import { metricsRow } from "../evaluation";
import { BrowserMissingError, saveFigure } from "../figures";
import { onDisk, replaceFolder, writeCsv, writeFileWhole, writeJson } from "../io";
import { computeValues } from "./computed";
import { chooseCases, errors, examinedFamilies, examinedVariant } from "./content/errors";
import { introduction, methods } from "./content/method";
import { conclusion, reproducibility, verdict } from "./content/reproducibility";
import { results } from "./content/results";
import { computedFile, type ReportContext } from "./context";
import { prose, type ReportDocument } from "./document";
import { reportFigures, type ReportFigures, summaryFigure } from "./figures";
import { findOutputs, type FoundOutputs } from "./found";
import { renderHtml } from "./html";
import { renderBibtex, renderLatex } from "./latex";
import { layOutPages } from "./pages";
import { Sources } from "./sources";
import { checkTrace, type Trace, traceDocument } from "./trace";

export interface ReportOptions {
  /** The folder that runs write to; the report goes into `report` in it. */
  outputs: string;
  /** Of the tests between variants. Default 13. */
  seed?: number;
}

export interface WrittenReport {
  /** The report's files, and `eval_summary` and `eval_metrics.csv` beside it. */
  files: string[];
  /** A picture of each page, if there was a browser. */
  pages: string[];
  trace: Trace;
  /** What it was made from. */
  found: FoundOutputs;
  /** What the reader of the report should know: files that could not be used, what does not fit its column. */
  warnings: string[];
}

/**
 * Makes the report from whatever evaluations and manifests lie in a folder: `report/report.pdf`, `.html` and `.tex` with
 * `references.bib` and `figures/`, pictures of the pages, `numbers.json` (every printed value and its source), and
 * `computed.json` (what was computed for it); beside it `eval_summary.*` and `eval_metrics.csv` over all variants. All of
 * it is made anew; nothing of an earlier report is read, and that is there until the new one is whole. Without a browser
 * there is no PDF and there are no figures.
 *
 * @throws {Error} if a value of the finished report does not agree with its file
 */
export async function writeReport(options: ReportOptions): Promise<WrittenReport> {
  const draft = join(options.outputs, `.report-${process.pid}.tmp`);
  const discard = () => onDisk(draft, () => rmSync(draft, { recursive: true, force: true }));
  discard();
  try {
    return await writeThrough(draft, options);
  } finally {
    discard();
  }
}

/** Writes the report's folder as `draft`, which then takes the place of the earlier one. */
async function writeThrough(draft: string, { outputs, seed = 13 }: ReportOptions): Promise<WrittenReport> {
  const folder = join(outputs, "report");
  const sources = new Sources(outputs, { report: draft });
  const found = findOutputs(sources);
  const warnings = [...found.problems];
  const cases = chooseCases(examinedVariant(found.variants));
  const computed = await computeValues(found, sources, cases, examinedFamilies(found.variants), seed);
  sources.write(computedFile, computed);

  const context: ReportContext = { sources, found, computed };
  const figures = await reportFigures(context);
  const document = writeDocument(context, figures);
  const files: string[] = [];
  const write = (name: string, content: string | Uint8Array) => {
    writeFileWhole(join(draft, name), content);
    files.push(join(folder, name));
    return join(folder, name);
  };
  write("report.tex", renderLatex(document));
  write("references.bib", renderBibtex(document));
  for (const { label, picture } of Object.values(figures)) {
    if ("pdf" in picture) write(`figures/${label.replace("fig:", "")}.pdf`, picture.pdf);
  }
  const trace = traceDocument(document);
  writeJson(join(draft, "numbers.json"), trace);
  files.push(join(outputs, computedFile), join(folder, "numbers.json"));
  const wrong = checkTrace(join(draft, "numbers.json"), outputs, (file) => sources.pathOf(file));
  if (wrong.length > 0) throw new Error(`the report does not agree with its files:\n${wrong.join("\n")}`);

  const html = renderHtml(document);
  const pages: string[] = [];
  try {
    const laidOut = await layOutPages(html);
    write("report.html", laidOut.html);
    write("report.pdf", laidOut.pdf);
    laidOut.pages.forEach((page, i) => pages.push(write(`pages/page-${i + 1}.png`, page)));
    warnings.push(...laidOut.overflows.map((text) => `does not fit its column: ${text}`));
  } catch (error) {
    if (!(error instanceof BrowserMissingError)) throw error;
    write("report.html", html);
    warnings.push(`there is no PDF: ${error.message}`);
  }

  replaceFolder(folder, draft);

  const all = [...found.variants, ...found.others];
  if (all.length > 0) {
    files.push(...(await saveFigure(summaryFigure(found.variants), join(outputs, "eval_summary"))));
    const table = join(outputs, "eval_metrics.csv");
    writeCsv(
      table,
      all.map(({ summary, run }) => metricsRow(summary, run)),
    );
    files.push(table);
  }
  return { files, pages, trace, found, warnings };
}

/** The report in no format. */
export function writeDocument(context: ReportContext, figures: ReportFigures): ReportDocument {
  return {
    title:
      "Persona-Consistent Dialogue by Low-Rank Adaptation and Retrieval: Training and Evaluation in TypeScript",
    authors: ["The persona-dialogue-notebooks project"],
    abstract: prose`We fine-tune a small encoder–decoder model to write conversations between two people whose personas it is given: by
      LoRA, by unfreezing the last blocks of the encoder as well, and with snippets of similar people's conversations in the input.
      Answers are scored by BLEU, ROUGE-L, Jaccard and persona coverage, beside baselines and beside bounds of the same length.
      ${verdict(context, ["rougeL", "personaCoverageContent"])}Every number in this report is read from a file that a run left and is listed with its source.`,
    keywords: [
      "dialogue generation",
      "personas",
      "low-rank adaptation",
      "retrieval-augmented generation",
      "evaluation",
      "TypeScript",
    ],
    blocks: [
      ...introduction(context),
      ...methods(context),
      ...results(context, figures),
      ...errors(context),
      ...conclusion(context),
      ...reproducibility(context),
    ],
  };
}
