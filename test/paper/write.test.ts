/** A study that the library does not know: how tall beans grow under lamps. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bars } from "../../src/figures/bars";
import { closeBrowser } from "../../src/figures/page";
import { readJson, writeJson } from "../../src/io/files";
import {
  cite,
  data,
  math,
  type PaperDocument,
  paragraph,
  refer,
  section,
  show,
  subsection,
} from "../../src/paper/document";
import { drawFigure } from "../../src/paper/figure";
import type { Format } from "../../src/paper/format";
import { proseWith } from "../../src/paper/prose";
import type { JsonPath, Sources } from "../../src/paper/sources";
import { checkTrace, readTrace } from "../../src/paper/trace";
import type { Works } from "../../src/paper/works";
import { writePaper, type WrittenPaper } from "../../src/paper/write";
import { latexProblems } from "./latex-check";

const prose = proseWith("CO2");
const outputs = mkdtempSync(join(tmpdir(), "beans-"));
const inPaper = (name: string) => join(outputs, "beans", name);
const lamps = [
  { lamp: "red & blue", heights: [31.5, 28, 30.5] },
  { lamp: "white <warm>", heights: [22, 25.25, 24] },
];

const works: Works = {
  darwin1880: {
    type: "book",
    authors: ["Charles Darwin"],
    title: "The Power of Movement in Plants",
    publisher: "John Murray",
    year: 1880,
  },
  mendel1866: {
    type: "article",
    authors: ["Gregor Mendel"],
    title: "Versuche über Pflanzen-Hybriden",
    container: "Verhandlungen des naturforschenden Vereines in Brünn",
    volume: "4",
    pages: "3–47",
    year: 1866,
  },
  unread1900: { type: "misc", authors: ["Nobody"], title: "What nobody cites", year: 1900 },
};

async function composeBeans(sources: Sources): Promise<PaperDocument> {
  const measured = sources.read("beans.json") as { lamps: typeof lamps };
  const means = measured.lamps.map(({ heights }) => heights.reduce((sum, x) => sum + x, 0) / heights.length);
  sources.write("beans/computed.json", { means, ratio: means[0]! / means[1]! });
  const value = (file: string, path: JsonPath, format: Format) => show(sources.value(file, path, format));
  const ratio = value("beans/computed.json", ["ratio"], "decimal2");
  return {
    title: "Beans under Lamps",
    authors: ["A. Gardener", "The Greenhouse"],
    abstract: prose`Beans in air rich in CO2 grew ${ratio} times as tall under the first lamp as under the second.`,
    keywords: ["beans", "lamps"],
    works,
    blocks: [
      section("Introduction"),
      paragraph(prose`Plants move ${cite("darwin1880")} and inherit ${cite("mendel1866", "darwin1880")}.`),
      section("Results", "sec:results"),
      subsection("Heights"),
      {
        type: "equation",
        label: "eq:mean",
        latex: "\\bar h = \\frac{1}{n}\\sum_i h_i",
      },
      paragraph(
        prose`Table ${refer("tab:heights")} has the means ${math("\\bar h")}; rain was ${value("rain.json", ["days"], "integer")}.`,
      ),
      {
        type: "table",
        label: "tab:heights",
        caption: prose`Mean heights in centimetres`,
        columns: [
          { title: ["lamp"], align: "left" },
          { title: ["mean"], align: "right" },
        ],
        groups: [
          measured.lamps.map(({ lamp }, i) => [
            [data(lamp)],
            [value("beans/computed.json", ["means", i], "decimal1")],
          ]),
        ],
        wide: false,
      },
      {
        type: "figure",
        label: "fig:heights",
        caption: prose`The same as bars.`,
        alternative: "Two bars",
        wide: false,
        picture: await drawFigure(
          bars({
            title: "Heights",
            categories: measured.lamps.map(({ lamp }) => lamp),
            series: [{ name: "mean", values: means }],
            x: { title: "lamp" },
            y: { title: "height", unit: "cm" },
          }),
        ),
      },
    ],
  };
}

let paper: WrittenPaper;
before(async () => {
  writeJson(join(outputs, "beans.json"), { lamps });
  paper = await writePaper({ outputs, name: "beans" }, composeBeans);
});
after(async () => {
  await closeBrowser();
  rmSync(outputs, { recursive: true });
});

test("another study's paper has its own numbers, works and figures, in HTML, LaTeX and the trace", () => {
  const html = readFileSync(inPaper("beans.html"), "utf8");
  assert.match(html, /<span class="value" id="n1" title="beans\/computed\.json#\/ratio">1\.26<\/span> times/);
  assert.match(html, /rich in CO2 grew/);
  assert.match(
    html,
    /<td[^>]*><span class="data">white &lt;warm&gt;<\/span><\/td><td[^>]*><span class="value" id="n3"[^>]*>23\.8</,
  );
  assert.match(html, /<strong class="missing" title="there is no rain\.json">missing<\/strong>/);
  assert.match(html, /\[1\].*C\. Darwin.*The Power of Movement in Plants.*\[2\].*G\. Mendel/s);

  const latex = readFileSync(inPaper("beans.tex"), "utf8");
  const bibtex = readFileSync(inPaper("references.bib"), "utf8");
  assert.deepEqual(latexProblems(latex, bibtex), []);
  assert.match(latex, /\\title\{Beans under Lamps\}/);
  assert.match(latex, /grew 1\.26 times/);
  assert.match(latex, /white \\textless\{\}warm\\textgreater\{\} & 23\.8 \\\\/);
  assert.match(bibtex, /Versuche \{\\"u\}ber Pflanzen-Hybriden/);

  const trace = readTrace(inPaper("numbers.json"));
  assert.deepEqual(paper.trace, trace);
  assert.deepEqual(
    trace.values.map(({ printed, file, pointer, where }) => [printed, `${file}#${pointer}`, where]),
    [
      ["1.26", "beans/computed.json#/ratio", "abstract"],
      ["30.0", "beans/computed.json#/means/0", 'Table I, row "red & blue", column "mean"'],
      ["23.8", "beans/computed.json#/means/1", 'Table I, row "white <warm>", column "mean"'],
    ],
  );
  assert.deepEqual(trace.missing, [{ where: "Heights", reason: "there is no rain.json" }]);
  assert.deepEqual(checkTrace(inPaper("numbers.json"), outputs), []);

  const text = html.replace(/<style>.*?<\/style>|base64,[^"]*/gs, "") + latex + bibtex;
  assert.doesNotMatch(text, /persona|dialogue|LoRA|nobody cites/i);
});

test("all of it lies in the paper's folder, with pages and pictures where there is a browser", (t) => {
  assert.deepEqual(readdirSync(outputs).sort(), ["beans", "beans.json"]);
  for (const file of [...paper.files, ...paper.pages]) assert.ok(existsSync(file), file);
  assert.ok(paper.files.includes(inPaper("computed.json")));
  if (paper.pages.length === 0) return t.skip("there is no browser");
  assert.deepEqual(paper.warnings, []);
  assert.match(readFileSync(inPaper("beans.pdf"), "latin1"), /^%PDF/);
  assert.match(readFileSync(inPaper("figures/heights.pdf"), "latin1"), /^%PDF/);
  assert.match(readFileSync(inPaper("beans.tex"), "utf8"), /\{figures\/heights\.pdf\}/);
});

test("a number that its file no longer has is found", () => {
  const path = inPaper("computed.json");
  const content = readFileSync(path, "utf8");
  writeFileSync(path, content.replace("30", "31"));
  assert.match(checkTrace(inPaper("numbers.json"), outputs)[0]!, /^n1 .*has changed since/);
  writeFileSync(path, content);
  assert.deepEqual(checkTrace(inPaper("numbers.json"), outputs), []);
});

test("a paper that does not get done, or prints what no file has, leaves the earlier one", async () => {
  const before = readJson(inPaper("numbers.json"));
  const wrong = async (sources: Sources): Promise<PaperDocument> => {
    const document = await composeBeans(sources);
    const lying = sources.value("beans.json", ["lamps", 0, "heights", 0], "decimal1");
    return { ...document, blocks: [paragraph([show({ ...lying, printed: "99.9" } as typeof lying)])] };
  };
  await assert.rejects(writePaper({ outputs, name: "beans" }, wrong), /99\.9\).*the file says 31\.5/s);
  const interrupted = (sources: Sources): never => {
    sources.write("beans/computed.json", {});
    throw new Error("no rain");
  };
  await assert.rejects(writePaper({ outputs, name: "beans" }, interrupted), /no rain/);
  for (const name of ["../beans", "a/b", "", ".."])
    await assert.rejects(writePaper({ outputs, name }, composeBeans), /a paper's name has letters/);
  assert.deepEqual(readdirSync(outputs).sort(), ["beans", "beans.json"]);
  assert.deepEqual(readJson(inPaper("numbers.json")), before);
  assert.deepEqual(checkTrace(inPaper("numbers.json"), outputs), []);
});
