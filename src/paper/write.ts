import { rmSync } from "node:fs";
import { join } from "node:path";
import { BrowserMissingError } from "../figures";
import { onDisk, replaceFolder, writeFileWhole, writeJson } from "../io";
import type { PaperDocument } from "./document";
import { renderHtml } from "./html";
import { renderBibtex, renderLatex } from "./latex";
import { figureFile } from "./numbering";
import { layOutPages } from "./pages";
import { Sources } from "./sources";
import { checkTrace, type Trace, traceDocument } from "./trace";

/** Where a paper goes: into the folder `name` of the folder that runs write to. */
export interface PaperPlace {
  outputs: string;
  /** Letters, digits, `_` and `-`. */
  name: string;
}

export interface WrittenPaper {
  /** The paper's files. */
  files: string[];
  /** A picture of each page, if there was a browser. */
  pages: string[];
  trace: Trace;
  /** What the reader of the paper should know: what does not fit its column, why there is no PDF. */
  warnings: string[];
}

/**
 * Writes a paper: for the name `report` the files `report.pdf`, `.html` and `.tex` with `references.bib` and `figures/`, pictures
 * of the pages, and `numbers.json` (every printed value and its source). All of it is made anew; an earlier paper is there
 * until the new one is whole. Without a browser there is no PDF.
 *
 * @param compose the study: says what the paper contains, from the files below `outputs`. What it computes from them it
 * writes with `sources.write` below the paper's own folder (`report/computed.json`), so that these values have a file too.
 * @throws {Error} if a value of the finished paper does not agree with its file; what `compose` throws
 */
export async function writePaper(
  { outputs, name }: PaperPlace,
  compose: (sources: Sources) => PaperDocument | Promise<PaperDocument>,
): Promise<WrittenPaper> {
  if (!/^[\w-]+$/.test(name))
    throw new RangeError(`a paper's name has letters, digits, "_" and "-", not ${JSON.stringify(name)}`);
  const draft = join(outputs, `.${name}-${process.pid}.tmp`);
  const discard = () => onDisk(draft, () => rmSync(draft, { recursive: true, force: true }));
  discard();
  try {
    const sources = new Sources(outputs, { [name]: draft });
    return await writeThrough(draft, { outputs, name }, sources, await compose(sources));
  } finally {
    discard();
  }
}

/** Writes the paper's folder as `draft`, which then takes the place of the earlier one. */
async function writeThrough(
  draft: string,
  { outputs, name }: PaperPlace,
  sources: Sources,
  document: PaperDocument,
): Promise<WrittenPaper> {
  const folder = join(outputs, name);
  const files: string[] = [];
  const warnings: string[] = [];
  const write = (file: string, content: string | Uint8Array) => {
    writeFileWhole(join(draft, file), content);
    files.push(join(folder, file));
    return join(folder, file);
  };
  write(`${name}.tex`, renderLatex(document));
  write("references.bib", renderBibtex(document));
  for (const block of document.blocks) {
    if (block.type === "figure" && "pdf" in block.picture) write(figureFile(block.label), block.picture.pdf);
  }
  const trace = traceDocument(document);
  writeJson(join(draft, "numbers.json"), trace);
  files.push(...Array.from(sources.written, (file) => join(outputs, file)), join(folder, "numbers.json"));
  const wrong = checkTrace(join(draft, "numbers.json"), outputs, (file) => sources.pathOf(file));
  if (wrong.length > 0) throw new Error(`the paper does not agree with its files:\n${wrong.join("\n")}`);

  const html = renderHtml(document);
  const pages: string[] = [];
  try {
    const laidOut = await layOutPages(html);
    write(`${name}.html`, laidOut.html);
    write(`${name}.pdf`, laidOut.pdf);
    laidOut.pages.forEach((page, i) => pages.push(write(`pages/page-${i + 1}.png`, page)));
    warnings.push(...laidOut.overflows.map((text) => `does not fit its column: ${text}`));
  } catch (error) {
    if (!(error instanceof BrowserMissingError)) throw error;
    write(`${name}.html`, html);
    warnings.push(`there is no PDF: ${error.message}`);
  }
  replaceFolder(folder, draft);
  return { files, pages, trace, warnings };
}
