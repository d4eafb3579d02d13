import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { closePage, evaluate, openPage, printPage, sharedBrowser } from "../figures";
import { onDisk, replaceFolder, writeFileWhole } from "../io";
import { paper } from "./style";

/**
 * Binds papers that are there into one: `NAME.html` and `NAME.pdf` in the folder `NAME`, with a page of contents before them and
 * pages numbered through. The folder is there whole or as it was.
 *
 * @param papers HTML files that `writePaper` laid out on pages, in this order
 * @returns the files
 * @throws {BrowserMissingError} if there is no browser
 */
export async function bindPapers(
  { outputs, name }: { outputs: string; name: string },
  papers: readonly string[],
): Promise<string[]> {
  const page = await openPage(await sharedBrowser());
  const problem = "the reports cannot be bound";
  const texts = papers.map((html) => readFileSync(html, "utf8"));
  const draft = join(outputs, `.${name}-${process.pid}.tmp`);
  try {
    await evaluate(
      page,
      `document.open(); document.write(${JSON.stringify(texts[0])}); document.close();`,
      problem,
    );
    const html = (await evaluate(page, `(${bind})(${JSON.stringify(texts)})`, problem)) as string;
    const pdf = await printPage(page, { width: paper.width, height: paper.height, tagged: true });
    writeFileWhole(join(draft, `${name}.html`), html);
    writeFileWhole(join(draft, `${name}.pdf`), pdf);
    replaceFolder(join(outputs, name), draft);
  } finally {
    onDisk(draft, () => rmSync(draft, { recursive: true, force: true }));
    await closePage(page);
  }
  return ["html", "pdf"].map((ending) => join(outputs, name, `${name}.${ending}`));
}

/** Runs in the page. Anchors get the paper's number before them, so that each paper's links stay its own. */
const bind = `async function (texts) {
  document.body.replaceChildren();
  document.title = "Reports";
  const contents = document.createElement("div");
  contents.className = "page";
  contents.innerHTML = '<div class="top"><header><h1>Reports</h1></header></div><div class="columns"><div></div></div>';
  const list = contents.querySelector(".columns > div");
  list.style.width = "100%";
  document.body.append(contents);
  let number = 1;
  texts.forEach((text, index) => {
    const other = new DOMParser().parseFromString(text, "text/html");
    const prefix = "paper" + (index + 1) + "-";
    for (const element of other.querySelectorAll("[id]")) element.id = prefix + element.id;
    for (const link of other.querySelectorAll('a[href^="#"]'))
      link.setAttribute("href", "#" + prefix + link.getAttribute("href").slice(1));
    const first = number + 1;
    for (const [i, page] of [...other.querySelectorAll(".page")].entries()) {
      page.querySelector("footer").textContent = String(++number);
      if (i === 0) page.id = prefix + "begin";
      document.body.append(document.adoptNode(page));
    }
    const line = document.createElement("p");
    line.style.cssText = "text-indent: 0; padding-bottom: 8px";
    const link = document.createElement("a");
    link.href = "#" + prefix + "begin";
    link.textContent = other.title + ", page " + first;
    line.append(link);
    list.append(line);
  });
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode()));
  return "<!DOCTYPE html>\\n" + document.documentElement.outerHTML + "\\n";
}`;
