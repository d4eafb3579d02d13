import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lines } from "../../src/figures/points";
import { closeBrowser, closePage, evaluate, openPage, sharedBrowser } from "../../src/figures/page";
import { saveFigure } from "../../src/figures/save";
import { writeJson } from "../../src/io/files";
import { bindPapers } from "../../src/paper/bind";
import { paragraph, section } from "../../src/paper/document";
import { proseWith } from "../../src/paper/prose";
import { checkTrace } from "../../src/paper/trace";
import { savedFigure, savedRows, savedTable, savedValue } from "../../src/report/parts";
import { finishedStudies, type Study, writeStudyReport } from "../../src/report/studies";

const outputs = mkdtempSync(join(tmpdir(), "studies-"));
after(async () => {
  await closeBrowser();
  rmSync(outputs, { recursive: true });
});

const prose = proseWith();
const beans: Study = {
  notebook: "12-beans",
  compose: async (sources) => ({
    title: "Beans",
    authors: ["A gardener"],
    abstract: prose`The best grew ${savedValue(sources, "12-beans/rows.json", [1, "height"], "decimal1")} high.`,
    keywords: ["beans"],
    works: {},
    blocks: [
      section("Results"),
      paragraph(
        prose`There are ${savedRows(sources, "12-beans/rows.json").length === 2 ? "two" : "other"} rows.`,
      ),
      savedTable(sources, {
        label: "tab:beans",
        caption: prose`Heights`,
        file: "12-beans/rows.json",
        columns: [
          { field: "bean" },
          { field: "height", title: ["cm"], format: "decimal1" },
          { field: "died" },
        ],
        where: (row) => row["bean"] !== "hidden",
      }),
      savedTable(sources, {
        label: "tab:none",
        caption: prose`What nobody measured`,
        file: "12-beans/none.json",
        columns: [{ field: "a" }, { field: "b" }],
      }),
      await savedFigure(sources, {
        file: "12-beans/growth",
        label: "fig:growth",
        caption: prose`Growth`,
        alternative: "Height over days",
      }),
    ],
  }),
};
const inStudy = (name: string) => join(outputs, "12-beans", name);

test("a study's report prints the values of the files that its notebook left, each with its source", async (t) => {
  writeJson(inStudy("rows.json"), [
    { bean: "broad <b>", height: 12.34, died: null },
    { bean: "runner", height: 56.78, died: 3 },
  ]);
  const growth = lines({
    title: "Growth",
    caption: "",
    series: [{ name: "bean", x: [0, 1], y: [0, 2] }],
    x: { title: "day" },
    y: { title: "cm" },
  });
  await saveFigure(growth, inStudy("growth"));
  const paper = await writeStudyReport({ outputs, notebook: "12-beans", from: [beans] });
  const folder = join(outputs, "report-12-beans");
  assert.deepEqual(checkTrace(join(folder, "numbers.json"), outputs), []);
  assert.deepEqual(
    paper.trace.values.map(({ printed, pointer }) => [printed, pointer]),
    [
      ["56.8", "/1/height"],
      ["12.3", "/0/height"],
      ["56.8", "/1/height"],
      ["3.000", "/1/died"],
    ],
  );
  assert.deepEqual(
    paper.trace.missing.map(({ reason }) => reason),
    ["12-beans/none.json has no such rows"],
  );
  const html = readFileSync(join(folder, "report-12-beans.html"), "utf8");
  assert.match(html, /broad &lt;b&gt;/);
  if (paper.pages.length === 0) return t.skip("there is no browser: pages and figures were not looked at");
  assert.deepEqual(paper.warnings, []);
  assert.match(html, /<img alt="Height over days"/);
});

test("a study that there is not is refused with those that there are", async () => {
  await assert.rejects(
    writeStudyReport({ outputs, notebook: "13-peas", from: [beans] }),
    /no study has the notebook "13-peas" \(known: 12-beans\)/,
  );
});

test("a study counts as finished when its notebook came to its end", () => {
  assert.deepEqual(finishedStudies(outputs, [beans]), []);
  writeJson(inStudy("manifest.json"), {});
  assert.deepEqual(finishedStudies(outputs, [beans]), [beans]);
});

test("bound reports have all pages, numbered through, and links that stay in their own report", async (t) => {
  const html = join(outputs, "report-12-beans", "report-12-beans.html");
  const one = await writeStudyReport({ outputs, notebook: "12-beans", from: [beans] });
  if (one.pages.length === 0) return t.skip("there is no browser to bind them");
  const files = await bindPapers({ outputs, name: "reports" }, [html, html]);
  assert.deepEqual(
    files.map((file) => existsSync(file)),
    [true, true],
  );
  assert.deepEqual(
    readdirSync(outputs).filter((name) => name.endsWith(".tmp")),
    [],
  );
  const pdf = readFileSync(files[1]!, "latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b/g)?.length, 1 + 2 * one.pages.length);
  const page = await openPage(await sharedBrowser());
  const text = JSON.stringify(readFileSync(files[0]!, "utf8"));
  await evaluate(page, `document.open(); document.write(${text}); document.close();`, "cannot load");
  const found = (await evaluate(
    page,
    `(() => {
      const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
      const links = [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute("href").slice(1));
      return {
        twice: ids.filter((id, i) => ids.indexOf(id) !== i),
        dangling: links.filter((id) => !ids.includes(id)),
        numbers: [...document.querySelectorAll(".page > footer")].map((footer) => footer.textContent),
        contents: document.querySelector(".page").textContent,
      };
    })()`,
    "cannot evaluate",
  )) as { twice: string[]; dangling: string[]; numbers: string[]; contents: string };
  await closePage(page);
  assert.deepEqual(found.twice, []);
  assert.deepEqual(found.dangling, []);
  assert.deepEqual(
    found.numbers,
    Array.from({ length: 2 * one.pages.length }, (_, i) => String(i + 2)),
  );
  assert.match(found.contents, /Beans, page 2.*Beans, page \d/s);
});
