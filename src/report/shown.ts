import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { display } from "../display";
import { shownPath } from "../io";
import type { WrittenPaper } from "../paper";
import { escapeHtml } from "../text";

/** Shows a written report below a notebook's cell: its warnings, a picture of each page, links to its files. */
export function showReport({
  pages,
  files,
  warnings,
}: Pick<WrittenPaper, "pages" | "files" | "warnings">): void {
  for (const warning of warnings) console.warn(warning);
  for (const [i, page] of pages.entries())
    display(
      { "image/png": readFileSync(page), "text/plain": `[page ${i + 1}]` },
      { "image/png": { width: 680 } },
    );
  const folder = dirname(files.find((file) => basename(file) === "numbers.json")!);
  const own = files.filter(
    (file) => dirname(file) === folder && /\.(pdf|html|tex|bib)$|numbers\.json$/.test(file),
  );
  // From the notebooks' folder, which lies beside that of the outputs.
  const links = own.map((file) => {
    const way = ["..", basename(dirname(folder)), basename(folder), basename(file)].map(encodeURIComponent);
    return `<a href="${way.join("/")}">${escapeHtml(basename(file))}</a>`;
  });
  display({ "text/html": links.join(" · "), "text/plain": shownPath(folder) });
}
