import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/random/random";
import { Analyzer } from "../../src/retrieval/analyzer";
import { ScoreMatrix } from "../../src/retrieval/score-matrix";
import { countTerms } from "../../src/retrieval/term-counts";

test("sums of rare terms are right but for rounding: no other documents than the best are scored exactly", () => {
  const random = new Random(3);
  const letters = (length: number) => Array.from({ length }, () => "aeinorst"[random.integer(8)]).join("");
  // Stems with endings, of which one is frequent: n-grams across both are in many of the stem's documents, but not in all.
  const stems = Array.from({ length: 120 }, () => letters(5));
  const word = () => stems[random.integer(stems.length)]! + ["ed", "ed", "ed", "ing"][random.integer(4)]!;
  const texts = Array.from({ length: 1000 }, () => Array.from({ length: 6 }, word).join(" "));
  const analyzer = Analyzer.create({ analyzer: "char", ngramRange: [2, 4], lowercase: true });
  const counts = countTerms(texts, analyzer);
  const { documentFrequency } = counts;
  const ones = new Float64Array(analyzer.termBound).fill(1);
  let scored = new Set<number>();
  const matrix = ScoreMatrix.build(counts, analyzer.shorterTerms(), {
    score: (_, count, document) => {
      scored.add(document);
      return count;
    },
    termFactors: ones,
    balance: ones,
    documentFactor: () => 1,
    gain: (count) => count,
  });
  assert.ok(matrix.bases.some((base) => base > 0) && matrix.bases.some((base) => base < 0));
  for (const at of [10, 500, 999]) {
    const rare = new Set<number>();
    analyzer.match(texts[at]!, (term) => {
      if (documentFrequency[term]! <= texts.length / 3) rare.add(term);
    });
    const terms = Int32Array.from(rare);
    scored = new Set();
    const best = matrix.top({ terms, weights: Float64Array.from(terms, () => 1 + random.uniform()) }, 100);
    assert.equal(best[0]!.index, at);
    assert.equal(scored.size, 100);
  }
});
