import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { bibliography, ieeeReference, type Work } from "../../src/report/bibliography";
import {
  cite,
  data,
  enumerate,
  math,
  numberDocument,
  paragraph,
  plainText,
  prose,
  refer,
  type ReportDocument,
  roman,
  section,
  subsection,
  type Text,
} from "../../src/report/document";
import { renderHtml } from "../../src/report/html";
import { escapeLatex, renderBibtex, renderLatex } from "../../src/report/latex";
import { latexProblems } from "./latex-check";
import { hostile } from "./synthetic";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...`\\{}#$%&_~^<>|"'\`-[]!?,/ \u00a0\nöŁ–’🐕a1`), maxLength: 60 }),
);

/** A report that shows a text in every place where data can stand. */
function documentWith(text: string): ReportDocument {
  return {
    title: text,
    authors: [text],
    abstract: prose`About ${data(text)}.`,
    keywords: [text],
    blocks: [
      section(text, "sec:one"),
      paragraph([data(text), { type: "code", text }, { type: "emphasis", text }, text]),
      { type: "listing", text },
      { type: "list", items: [[data(text)]] },
      {
        type: "table",
        label: "tab:one",
        caption: [data(text)],
        columns: [
          { title: [data(text)], align: "left", width: 0.5 },
          { title: ["b"], align: "right" },
        ],
        groups: [[[[data(text)], [{ type: "value", value: { printed: "missing", missing: text } }]]]],
        wide: false,
        note: [data(text)],
      },
      {
        type: "figure",
        label: "fig:one",
        caption: [data(text)],
        alternative: text,
        wide: true,
        picture: { missing: text },
      },
    ],
  };
}

test("prose refuses a digit that no file gave, and takes names that have one", () => {
  assert.throws(() => prose`The best of 3 models`, /take its numbers from files.*The best of 3 models/);
  assert.throws(() => prose`a score of ٣`, /has a digit/);
  assert.deepEqual(prose`FLAN-T5 and BM25,  don't\n break`, ["FLAN-T5 and BM25, don’t break"]);
  assert.equal(
    plainText(prose`all ${data("LoRA, 2 blocks")} of ${[data("x"), "y"]}`),
    "all LoRA, 2 blocks of xy",
  );
  assert.equal(plainText(enumerate(["a", ["b"], "c"])), "a, b, and c");
  assert.equal(plainText(enumerate(["a", "b"])), "a and b");
});

test("sections, tables, figures and citations are numbered as IEEE numbers them", () => {
  assert.deepEqual([1, 4, 9, 14, 40, 1990].map(roman), ["I", "IV", "IX", "XIV", "XL", "MCMXC"]);
  const document: ReportDocument = {
    ...documentWith("x"),
    abstract: [cite("lin2004")],
    blocks: [
      section("A", "s1"),
      subsection("B", "s2"),
      section("C", "s3"),
      subsection("D"),
      subsection("E", "s4"),
      { type: "equation", latex: "x", label: "e1" },
      { type: "equation", latex: "y", label: "e2" },
      paragraph(prose`${cite("hu2022", "lin2004")} in ${refer("s4")}`),
    ],
  };
  const { labels, sections, citations } = numberDocument(document);
  assert.deepEqual(
    [...labels],
    [
      ["s1", "I"],
      ["s2", "I-A"],
      ["s3", "II"],
      ["s4", "II-B"],
      ["e1", "1"],
      ["e2", "2"],
    ],
  );
  assert.deepEqual(sections, ["I", "A", "II", "A", "B"]);
  assert.deepEqual(citations, ["lin2004", "hu2022"]);
  const html = renderHtml(document);
  assert.match(html, /<h3 id="s4">B\. E<\/h3>/);
  assert.match(html, />\[2\]<\/a>, <a[^>]*>\[1\]<\/a><\/span> in <a class="reference" href="#s4">II-B</);
  assert.throws(() => renderHtml({ ...document, blocks: [paragraph([refer("nowhere")])] }), /nowhere/);
  assert.throws(() => renderHtml({ ...document, blocks: [paragraph([cite("nobody1999")])] }), /nobody1999/);
  assert.throws(
    () => numberDocument({ ...document, blocks: [section("A", "s"), section("B", "s")] }),
    /twice/,
  );
});

test("whatever a text holds, HTML shows it as text", () => {
  const escape = (text: string) =>
    text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`).replaceAll("$", "$$$$");
  const pattern = "PATTERN";
  const template = renderHtml(documentWith(pattern));
  assert.ok(template.split(pattern).length > 14);
  fc.assert(
    fc.property(anyText, (text) => {
      const expected = template.replaceAll(pattern, escape(text));
      // Where lines may break is no matter here.
      const unbroken = (html: string) =>
        html.replaceAll("<wbr>", "").replace(/<h1>.*?<\/h1>/s, (title) => title.replace(/<\/?span>/g, ""));
      assert.equal(unbroken(renderHtml(documentWith(text))), unbroken(expected));
    }),
    { numRuns: 60 },
  );
});

test("whatever a text holds, LaTeX prints it as text", () => {
  const command =
    /\\(?:text[a-z]+\{\}|ldots\{\}|[{}#$%&_,]|ensuremath\{(?:-|\\[a-z]+)\})|\{\[\}|\{\]\}|[-!?,]\{\}|~/g;
  fc.assert(
    fc.property(anyText, (text) => {
      const latex = escapeLatex(text);
      assert.doesNotMatch(latex.replace(command, ""), /[\\{}#$%&_~^<>|"'`]/, latex);
      assert.doesNotMatch(latex, /--|\?`|!`|,,|<<|>>|\n/);
      assert.deepEqual(latexProblems(renderLatex(documentWith(text)), ""), []);
    }),
    { numRuns: 200 },
  );
  assert.equal(escapeLatex("50 % of $x_1"), "50 \\% of \\$x\\_1");
  assert.equal(escapeLatex("Zoë 🐕"), "Zoë {[}U+1F415{]}");
  assert.equal(escapeLatex("\\end{document}"), "\\textbackslash{}end\\{document\\}");
});

test("the structural check of LaTeX finds what is wrong", () => {
  const good = "\\begin{a}\\ref{x}\\label{x}$y$ 5\\% \\{ \\cite{k}\\end{a}";
  assert.deepEqual(latexProblems(good, "@misc{k,\n}"), []);
  for (const bad of [
    `${good}{`,
    `${good}}`,
    `${good}\\begin{b}`,
    good.replace("label{x", "label{z"),
    `${good}$`,
  ])
    assert.notDeepEqual(latexProblems(bad, "@misc{k,\n}"), [], bad);
  assert.notDeepEqual(latexProblems(good, "@misc{l,\n}"), []);
});

test("works are cited as IEEE does, in HTML and BibTeX", () => {
  const flat = ({ before, italic, after }: ReturnType<typeof ieeeReference>) => before + italic + after;
  assert.equal(
    flat(ieeeReference(bibliography.lewis2020)).slice(0, 62),
    "P. Lewis, E. Perez, A. Piktus, F. Petroni, V. Karpukhin, N. Go",
  );
  assert.equal(
    flat(ieeeReference(bibliography.robertson2009)),
    "S. Robertson and H. Zaragoza, “The Probabilistic Relevance Framework: BM25 and Beyond,” Foundations and Trends in Information Retrieval, vol. 3, no. 4, pp. 333–389, 2009.",
  );
  assert.equal(flat(ieeeReference(bibliography.noreen1989)).endsWith("An Introduction. Wiley, 1989."), true);
  for (const work of Object.values(bibliography) as Work[]) {
    assert.doesNotMatch(flat(ieeeReference(work)), /undefined|\.\.|, ,/);
  }
  const bibtex = renderBibtex({
    ...documentWith("x"),
    abstract: [cite("lewis2020", "onnxruntime", "vaswani2017")],
  });
  assert.match(bibtex, /author = \{Lewis, Patrick and .* and K\{\\"u\}ttler, Heinrich and/);
  assert.match(bibtex, /Yih, Wen-tau and Rockt\{\\"a\}schel, Tim/);
  assert.match(bibtex, /\{\{ONNX Runtime developers\}\}/);
  assert.match(bibtex, /Kaiser, \{\\L\}ukasz/);
  assert.match(bibtex, /pages = \{9459--9474\}/);
});

test("LaTeX of hostile texts compiles", (t) => {
  if (spawnSync("pdflatex", ["--version"]).status !== 0) return t.skip("pdflatex is not installed");
  if (spawnSync("kpsewhich", ["IEEEtran.cls"]).status !== 0) return t.skip("IEEEtran is not installed");
  const folder = mkdtempSync(join(tmpdir(), "latex-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const samples = fc.sample(anyText, { numRuns: 40, seed: 1 });
  const document = documentWith(hostile);
  const texts = samples.map((text): Text => [data(text), math("x^2")]);
  writeFileSync(
    join(folder, "report.tex"),
    renderLatex({ ...document, blocks: [...document.blocks, ...texts.map(paragraph)] }),
  );
  const { status, stdout } = spawnSync(
    "pdflatex",
    ["-interaction=nonstopmode", "-halt-on-error", "report.tex"],
    {
      cwd: folder,
      encoding: "latin1",
    },
  );
  assert.equal(status, 0, stdout.slice(-1500));
});
