import assert from "node:assert/strict";
import { test } from "node:test";
import { cite } from "../../src/paper/document";
import { renderHtml } from "../../src/paper/html";
import { renderBibtex } from "../../src/paper/latex";
import { ieeeReference, type Work } from "../../src/paper/works";
import { latexProblems } from "./latex-check";
import { documentWith, works } from "./sample";

const flat = (work: Work) => {
  const { before, italic, after } = ieeeReference(work);
  return before + italic + after;
};

test("a work is written as IEEE writes it, whatever its authors' names are made of", () => {
  assert.equal(
    flat(works.maaten2008),
    "L. van der Maaten and G. E. Hinton, “Visualizing Data Using t-SNE,” Journal of Machine Learning Research, vol. 9, pp. 2579–2605, 2008.",
  );
  assert.equal(flat(works.steele1990), "G. L. Steele Jr., Common Lisp: The Language. Digital Press, 1990.");
  assert.equal(
    flat(works.gardeners2024),
    "Seed & Soil developers, J.-L. Øster, Š. Łoś et al., “Beans_and #Lamps: 100 % {light} of 日本,” 2024. [Online]. Available: https://example.org/a_b",
  );
  assert.equal(flat({ type: "book", authors: [], title: "Anon", year: 1500 }), "Anon. 1500.");
  assert.equal(
    flat({ type: "book", authors: ["Plato"], title: "B", year: 2, url: "https://b.org" }),
    "Plato, B. 2. [Online]. Available: https://b.org",
  );
  assert.equal(flat({ type: "misc", authors: ["Plato"], title: "A", year: 2 }), "Plato, “A,” 2.");
});

test("a work in BibTeX prints the same, with the names in the parts that BibTeX knows", () => {
  const document = { ...documentWith("x"), abstract: [cite(...Object.keys(works))] };
  const bibtex = renderBibtex(document);
  assert.match(bibtex, /^@article\{noether1918,\n {2}author = \{Noether, Emmy\},$/m);
  assert.match(bibtex, /journal = \{Nachrichten .* zu G\{\\"o\}ttingen\}/);
  assert.match(bibtex, /author = \{van der Maaten, Laurens and Hinton, Geoffrey E\.\}/);
  assert.match(bibtex, /author = \{Steele, Jr\., Guy L\.\}/);
  const lines = bibtex.split("\n");
  for (const line of [
    "  author = {{Seed \\& Soil developers} and {\\O}ster, Jean-Luc and {\\L}o{\\'s}, {\\v S}tefan and others},",
    "  title = {{Beans\\_and \\#Lamps: 100 \\% {\\textbraceleft}light{\\textbraceright} of {[}U+65E5{]}{[}U+672C{]}}},",
  ])
    assert.ok(lines.includes(line), bibtex);
  assert.deepEqual(latexProblems(bibtex, ""), []);
  const others = { ...works.noether1918, authors: ["Plato", "Thị Nguyễn", "Ba\u0489 Zed"] };
  assert.match(
    renderBibtex({ ...document, works: { ...works, noether1918: others } }),
    /author = \{Plato and Nguy\{\\~\{\\\^e\}\}n, Th\{\\d i\} and Zed, Ba\{\[\}U\+0489\{\]\}\},/,
  );
});

test("only works that are cited are listed, in the order of their first citation", () => {
  const document = {
    ...documentWith("x"),
    abstract: [cite("steele1990"), cite("noether1918", "steele1990")],
  };
  assert.deepEqual(
    [...renderHtml(document).matchAll(/id="cite-(\w+)"/g)].map(([, key]) => key),
    ["steele1990", "noether1918"],
  );
  assert.deepEqual(
    [...renderBibtex(document).matchAll(/^@\w+\{(\w+),/gm)].map(([, key]) => key),
    ["steele1990", "noether1918"],
  );
});
