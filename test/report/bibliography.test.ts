import assert from "node:assert/strict";
import { test } from "node:test";
import { cite } from "../../src/paper/document";
import { renderBibtex } from "../../src/paper/latex";
import { ieeeReference, type Work } from "../../src/paper/works";
import { bibliography } from "../../src/report/bibliography";
import { prose } from "../../src/report/prose";
import { documentWith } from "../paper/sample";

test("the report's works are cited as IEEE does, in HTML and BibTeX", () => {
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
    works: bibliography,
    abstract: [cite("lewis2020", "onnxruntime", "vaswani2017")],
  });
  assert.match(bibtex, /author = \{Lewis, Patrick and .* and K\{\\"u\}ttler, Heinrich and/);
  assert.match(bibtex, /Yih, Wen-tau and Rockt\{\\"a\}schel, Tim/);
  assert.match(bibtex, /\{\{ONNX Runtime developers\}\}/);
  assert.match(bibtex, /Kaiser, \{\\L\}ukasz/);
  assert.match(bibtex, /pages = \{9459--9474\}/);
});

test("the study's prose takes the names that have a digit, and no number", () => {
  assert.deepEqual(prose`FLAN-T5's rival BM25 and SHA-256`, ["FLAN-T5’s rival BM25 and SHA-256"]);
  assert.throws(() => prose`ROUGE-1`, /has a digit/);
});
