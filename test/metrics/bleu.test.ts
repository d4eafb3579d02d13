import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readJson } from "../../src/io/files";
import {
  BLEU_STATISTICS_WIDTH,
  bleuFromStatistics,
  type BleuSmoothing,
  bleuStatistics,
  corpusBleu,
  sentenceBleu,
  tokenize13a,
} from "../../src/metrics/bleu";
import reference from "../fixtures/metrics.json";
import { assertClose, fixture, type MetricsFixture } from "./helpers";

const hypotheses = reference.odd.map((pair) => pair.hypothesis);
const references = reference.odd.map((pair) => pair.reference);

test("13a tokens are sacreBLEU's, on entities, hyphens, numbers, emoji and other scripts", () => {
  for (const pair of reference.odd) assert.deepEqual(tokenize13a(pair.hypothesis), pair.tokens);
});

test("sentence BLEU is sacreBLEU's with every smoothing, with and without the effective order", () => {
  for (const pair of reference.odd) {
    for (const [name, score] of Object.entries(pair.scores)) {
      const [smooth, order] = name.split(" ") as [BleuSmoothing, string];
      const result = sentenceBleu(pair.hypothesis, pair.reference, {
        smooth,
        effectiveOrder: order === "effective",
      });
      assertClose(result.score, score, `${name}: ${pair.hypothesis}`);
    }
    const result = sentenceBleu(pair.hypothesis, pair.reference);
    result.precisions.forEach((precision, i) => assertClose(precision, pair.precisions[i]!, pair.hypothesis));
    assertClose(result.brevityPenalty, pair.brevityPenalty, pair.hypothesis);
    assert.equal(result.hypothesisLength, pair.hypothesisLength);
    assert.equal(result.referenceLength, pair.referenceLength);
  }
});

test("corpus BLEU sums before it divides", () => {
  assertClose(corpusBleu(hypotheses, references).score, reference.oddCorpusExp, "corpus");
});

test("BLEU equals the fixture on persona conversations", { skip: fixture.skip }, () => {
  const { pairs, corpus_bleu, sentence_bleu } = readJson(fixture.path) as MetricsFixture;
  assert.ok(pairs.length > 0 && pairs.length === sentence_bleu.length);
  const h = pairs.map((pair) => pair.hypothesis);
  const r = pairs.map((pair) => pair.reference);
  for (const smooth of ["exp", "none", "floor"] as const) {
    const result = corpusBleu(h, r, { smooth });
    const want = corpus_bleu[smooth]!;
    assertClose(result.score, want.score, smooth);
    result.precisions.forEach((precision, i) => assertClose(precision, want.precisions[i]!, smooth));
    assertClose(result.brevityPenalty, want.bp, smooth);
    assert.equal(result.hypothesisLength, want.sys_len);
    assert.equal(result.referenceLength, want.ref_len);
    assert.equal(result.signature, want.signature);
  }
  h.forEach((text, i) => assertClose(sentenceBleu(text, r[i]!).score, sentence_bleu[i]!, `pair ${i}`));
});

test("the signature names the settings", () => {
  assert.equal(
    corpusBleu(["a"], ["a"], { smooth: "add-k", smoothValue: 0.5, lowercase: true, effectiveOrder: true })
      .signature,
    "nrefs:1|case:lc|eff:yes|tok:13a|smooth:add-k[0.50]|version:2.5.x",
  );
});

test("BLEU lies in 0–100, is 100 for long enough equal texts, and does not depend on the order of the pairs", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 8 }), (pairs) => {
      const score = (list: [string, string][]) =>
        corpusBleu(
          list.map(([h]) => h),
          list.map(([, r]) => r),
        ).score;
      const value = score(pairs);
      assert.ok(value >= 0 && value <= 100 + 1e-9);
      assertClose(score([...pairs].reverse()), value, "reversed");
      const same = pairs.map(([h]): [string, string] => [
        `one two three four ${h}`,
        `one two three four ${h}`,
      ]);
      assertClose(score(same), 100, "identity");
    }),
  );
});

test("statistics of pairs add up to the corpus'", () => {
  const sums = new Float64Array(BLEU_STATISTICS_WIDTH);
  hypotheses.forEach((h, i) => bleuStatistics(h, references[i]!).forEach((x, j) => (sums[j]! += x)));
  assert.deepEqual(bleuFromStatistics(sums), corpusBleu(hypotheses, references));
});

test("lists that do not pair up and unknown smoothings are refused", () => {
  assert.throws(() => corpusBleu(["a"], []), /1 hypotheses and 0 references/);
  assert.throws(() => corpusBleu([], []), /at least one pair/);
  assert.throws(
    () => corpusBleu(["a"], ["a"], { smooth: "laplace" as BleuSmoothing }),
    /exp, floor, add-k, none, not laplace/,
  );
});
