import assert from "node:assert/strict";
import { test } from "node:test";
import { bleuStatistics, corpusBleu } from "../../src/metrics/bleu";
import {
  bootstrapInterval,
  bootstrapMean,
  corpusBleuMetric,
  differenceMetric,
  meanMetric,
  pairedRandomizationTest,
} from "../../src/metrics/resampling";
import { Random } from "../../src/random/random";

const random = new Random(1);
const normals = (n: number, mean: number) => Array.from({ length: n }, () => mean + random.normal());

test("the interval of a mean is the normal one, for a sample of that size", () => {
  const values = normals(400, 5);
  const average = values.reduce((a, b) => a + b) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - average) ** 2, 0) / (values.length - 1));
  const half = (1.959964 * deviation) / Math.sqrt(values.length);
  const interval = bootstrapMean(values, { resamples: 4000, seed: 2 });
  assert.ok(Math.abs(interval.value - average) < 1e-12);
  assert.ok(Math.abs(interval.low - (average - half)) < 0.1 * half);
  assert.ok(Math.abs(interval.high - (average + half)) < 0.1 * half);
});

test("95 % intervals hold the true mean about 95 times in 100", () => {
  let held = 0;
  for (let i = 0; i < 300; i++) {
    const { low, high } = bootstrapMean(normals(60, 0), { resamples: 300, seed: i });
    if (low <= 0 && 0 <= high) held++;
  }
  assert.ok(held > 0.9 * 300 && held < 0.985 * 300, `${held} of 300`);
});

test("the same seed gives the same interval, a smaller confidence a narrower one", () => {
  const values = normals(50, 0);
  assert.deepEqual(bootstrapMean(values, { seed: 7 }), bootstrapMean(values, { seed: 7 }));
  assert.notDeepEqual(bootstrapMean(values, { seed: 7 }), bootstrapMean(values, { seed: 8 }));
  const wide = bootstrapMean(values, { confidence: 0.95 });
  const narrow = bootstrapMean(values, { confidence: 0.5 });
  assert.ok(wide.low < narrow.low && narrow.high < wide.high);
});

test("resampled BLEU is BLEU of the resampled texts", () => {
  const hypotheses = ["the cat sat on the mat", "a dog ran off", "we like tea very much", "no"];
  const references = ["the cat sat on a mat", "the dog ran away", "we like tea very much", "yes"];
  const metric = corpusBleuMetric(hypotheses.map((h, i) => bleuStatistics(h, references[i]!)));
  const interval = bootstrapInterval(metric, { resamples: 1, seed: 5 });
  const draws = new Random(5);
  const drawn = hypotheses.map(() => draws.integer(hypotheses.length));
  const resampled = corpusBleu(
    drawn.map((i) => hypotheses[i]!),
    drawn.map((i) => references[i]!),
  ).score;
  assert.ok(Math.abs(interval.low - resampled) < 1e-9);
  assert.ok(Math.abs(interval.value - corpusBleu(hypotheses, references).score) < 1e-9);
});

test("paired randomisation: the exact p-value of a small case, by all assignments", () => {
  const a = [3, 1, 4, 1, 5, 9, 2, 6];
  const b = [2, 0, 3, 2, 3, 5, 3, 2];
  const differences = a.map((x, i) => x - b[i]!);
  const observed = Math.abs(differences.reduce((x, y) => x + y));
  let extreme = 0;
  for (let signs = 0; signs < 256; signs++) {
    const sum = differences.reduce((total, d, i) => total + ((signs >> i) & 1 ? -d : d), 0);
    if (Math.abs(sum) >= observed - 1e-12) extreme++;
  }
  const { difference, pValue } = pairedRandomizationTest(meanMetric(a), meanMetric(b), { trials: 20_000 });
  assert.ok(Math.abs(difference - observed / 8) < 1e-12);
  assert.ok(Math.abs(pValue - extreme / 256) < 0.012, `${pValue} against ${extreme / 256}`);
});

test("paired randomisation: equal systems have p 1, the two directions agree", () => {
  const a = normals(40, 0);
  const b = normals(40, 0.5);
  assert.equal(pairedRandomizationTest(meanMetric(a), meanMetric(a)).pValue, 1);
  const one = pairedRandomizationTest(meanMetric(a), meanMetric(b));
  const other = pairedRandomizationTest(meanMetric(b), meanMetric(a));
  assert.equal(one.pValue, other.pValue);
  assert.equal(one.difference, -other.difference);
});

test("cases that do not match are refused", () => {
  assert.throws(() => bootstrapMean([]), /at least one case/);
  assert.throws(() => pairedRandomizationTest(meanMetric([1]), meanMetric([1, 2])), /same cases/);
  assert.throws(() => bootstrapInterval({ rows: [[1], [1, 2]], value: () => 0 }), /case 1 has 2 columns/);
});

test("the difference of two metrics is one of the same cases, so that its interval is paired", () => {
  const [a, b] = [meanMetric([3, 5, 9]), meanMetric([2, 4, 8])];
  const { value, low, high } = bootstrapInterval(differenceMetric(a, b), { resamples: 100 });
  for (const one of [value, low, high]) assert.ok(Math.abs(one - 1) < 1e-9, String(one));
  assert.throws(() => differenceMetric(a, meanMetric([1])), /a has 3 cases and b 1/);
});
