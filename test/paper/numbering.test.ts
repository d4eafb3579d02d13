import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Block,
  cite,
  type PaperDocument,
  type PaperFigure,
  paragraph,
  refer,
  section,
  subsection,
  type Table,
} from "../../src/paper/document";
import { renderHtml } from "../../src/paper/html";
import { renderBibtex, renderLatex } from "../../src/paper/latex";
import { figureFile, numberDocument, roman } from "../../src/paper/numbering";
import { proseWith } from "../../src/paper/prose";
import { documentWith, works } from "./sample";

const prose = proseWith();

test("sections, tables, figures and citations are numbered as IEEE numbers them", () => {
  assert.deepEqual([1, 4, 9, 14, 40, 1990].map(roman), ["I", "IV", "IX", "XIV", "XL", "MCMXC"]);
  const document: PaperDocument = {
    ...documentWith("x"),
    abstract: [cite("noether1918")],
    blocks: [
      section("A", "s1"),
      subsection("B", "s2"),
      section("C", "s3"),
      subsection("D"),
      subsection("E", "s4"),
      { type: "equation", latex: "x", label: "e1" },
      { type: "equation", latex: "y", label: "e2" },
      paragraph(prose`${cite("maaten2008", "noether1918")} in ${refer("s4")}`),
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
  assert.deepEqual(citations, ["noether1918", "maaten2008"]);
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

test("what a paper cannot print right is refused by name", () => {
  const document = documentWith("x");
  const withBlock = (block: Block): PaperDocument => ({ ...document, blocks: [...document.blocks, block] });
  const table = document.blocks.find((block): block is Table => block.type === "table")!;
  const wrong: [PaperDocument, RegExp][] = [
    [withBlock(paragraph([refer("nowhere")])), /refers to "nowhere", which is not in it/],
    [withBlock(paragraph([cite("nobody1999")])), /bibliography has no "nobody1999"/],
    [withBlock(paragraph([cite("toString")])), /bibliography has no "toString"/],
    [withBlock(section("A", "sec:one")), /label "sec:one" is given twice/],
    [withBlock(section("A", 'a"b')), /label "a\\"b" may have letters, digits/],
    [withBlock(section("A", "../a")), /label "..\/a" may have/],
    [
      withBlock({ ...table, label: "tab:two", groups: [[[["a"], ["b"], ["c"]]]] }),
      /"tab:two".*row of 3 cells for 2/,
    ],
    [withBlock({ ...table, label: "tab:two", groups: [[[["a"]]]] }), /"tab:two".*row of 1 cells for 2/],
    [
      { ...withBlock(paragraph([cite("a}b")])), works: { "a}b": works.noether1918 } },
      /citation key "a}b" may have/,
    ],
  ];
  const figure = document.blocks.find((block): block is PaperFigure => block.type === "figure")!;
  wrong.push([withBlock({ ...figure, label: "one" }), /two figures have the file figures\/one\.pdf/]);
  for (const [paper, message] of wrong) {
    for (const render of [renderHtml, renderLatex, renderBibtex]) assert.throws(() => render(paper), message);
  }
});

test("a figure's file is named after its label, in a name that every system takes", () => {
  assert.equal(figureFile("fig:curves"), "figures/curves.pdf");
  assert.equal(figureFile("fig:run:a.b"), "figures/run-a.b.pdf");
});
