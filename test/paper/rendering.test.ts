import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { data, math, paragraph, type Text } from "../../src/paper/document";
import { renderHtml } from "../../src/paper/html";
import { escapeLatex, renderLatex } from "../../src/paper/latex";
import { latexProblems } from "./latex-check";
import { anyText, documentWith, hostile } from "./sample";

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
