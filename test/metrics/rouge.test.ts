import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readJson } from "../../src/io/files";
import { lcsLength } from "../../src/metrics/lcs";
import { porterStem } from "../../src/metrics/porter";
import { rougeL, rougeN } from "../../src/metrics/rouge";
import reference from "../fixtures/metrics.json";
import { assertClose, fixture, type MetricsFixture } from "./helpers";

const word = fc.constantFrom("the", "cat", "sat", "on", "a", "mat", "Running", "ran", "🙂", "мир", "x1");
const text = fc.array(word, { maxLength: 120 }).map((words) => words.join(" "));

function lcsByTable(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let previous = new Array<number>(b.length + 1).fill(0);
  for (let i = 0; i < a.length; i++) {
    const row = [0];
    for (let j = 0; j < b.length; j++) {
      row.push(a[i] === b[j] ? previous[j]! + 1 : Math.max(previous[j + 1]!, row[j]!));
    }
    previous = row;
  }
  return previous[b.length]!;
}

test("the bit-parallel LCS length is the table's, across word borders", () => {
  const sequence = fc.array(fc.nat(5), { maxLength: 140 });
  fc.assert(
    fc.property(sequence, sequence, (a, b) => {
      assert.equal(lcsLength(Int32Array.from(a), Int32Array.from(b)), lcsByTable(a, b));
    }),
    { numRuns: 300 },
  );
  for (const n of [0, 1, 31, 32, 33, 64, 65]) {
    const same = Int32Array.from({ length: n }, (_, i) => i);
    assert.equal(lcsLength(same, same), n);
  }
});

test("ROUGE-L equals the fixture on persona conversations", { skip: fixture.skip }, () => {
  const { pairs, rougeL_fmeasure } = readJson(fixture.path) as MetricsFixture;
  assert.ok(pairs.length > 0 && pairs.length === rougeL_fmeasure.length);
  pairs.forEach((pair, i) =>
    assertClose(rougeL(pair.hypothesis, pair.reference).fmeasure, rougeL_fmeasure[i]!, `pair ${i}`),
  );
});

test("ROUGE by hand", () => {
  const hypothesis = "police killed the gunman";
  const target = "The gunman, killed by police!";
  const cases = [
    [rougeL(hypothesis, target), 2 / 4, 2 / 5, 4 / 9],
    [rougeN(hypothesis, target, 1), 4 / 4, 4 / 5, 8 / 9],
    [rougeN(hypothesis, target, 2), 1 / 3, 1 / 4, 2 / 7],
    [rougeN("a a a", "a a", 1), 2 / 3, 1, 4 / 5],
    [rougeL("He was running", "he runs"), 1 / 3, 1 / 2, 2 / 5],
    [rougeL("He was running", "he runs", { useStemmer: true }), 2 / 3, 1, 4 / 5],
  ] as const;
  for (const [score, precision, recall, fmeasure] of cases) {
    assertClose(score.precision, precision, "precision");
    assertClose(score.recall, recall, "recall");
    assertClose(score.fmeasure, fmeasure, "F");
  }
});

test("ROUGE of texts without a-z or digits is 0, also of equal ones", () => {
  for (const [h, r] of [
    ["", ""],
    ["", "a"],
    ["a", ""],
    ["🙂", "🙂"],
    ["мир", "мир"],
  ] as const) {
    assert.deepEqual(rougeL(h, r), { precision: 0, recall: 0, fmeasure: 0 });
    assert.deepEqual(rougeN(h, r, 1), { precision: 0, recall: 0, fmeasure: 0 });
  }
  assert.equal(rougeL("K9", "k9").fmeasure, 1);
  assert.equal(rougeN("one word", "one word", 3).fmeasure, 0);
});

test("ROUGE: bounds, identity, and precision and recall that change places", () => {
  fc.assert(
    fc.property(text, text, fc.boolean(), (h, r, useStemmer) => {
      for (const score of [rougeL, (a: string, b: string, o: object) => rougeN(a, b, 2, o)]) {
        const one = score(h, r, { useStemmer });
        const other = score(r, h, { useStemmer });
        assert.equal(one.precision, other.recall);
        assert.equal(one.recall, other.precision);
        for (const value of Object.values(one)) assert.ok(value >= 0 && value <= 1);
      }
      if (/[a-z]/.test(h)) assert.equal(rougeL(h, h).fmeasure, 1);
      assert.ok(rougeL(h, r).recall <= rougeN(h, r, 1).recall);
    }),
  );
});

test("Porter stems are NLTK's", () => {
  for (const [word, stem] of Object.entries(reference.stems)) assert.equal(porterStem(word), stem, word);
});

test("ROUGE-N wants a whole n", () => assert.throws(() => rougeN("a", "a", 0), /n must be a whole number/));

test("other tokens may be compared, so that texts of other scripts have some", () => {
  assert.equal(rougeL("我在学校", "我在家").fmeasure, 0);
  const characters = (text: string) => [...text];
  assert.equal(rougeL("我在学校", "我在家", { tokens: characters }).precision, 0.5);
});
