import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { samplingDistribution } from "../../src/generation/sampling";

const row = fc
  .array(fc.integer({ min: -80, max: 80 }), { minLength: 1, maxLength: 40 })
  .map((eighths) => Float32Array.from(eighths, (score) => score / 8));

/** The definition, step by step over sorted lists, as Hugging Face's warpers do it. */
function byDefinition(
  scores: Float32Array,
  temperature: number,
  topK: number,
  topP: number,
): Map<number, number> {
  let kept = [...scores].map((score, token) => ({ token, score: score / temperature }));
  kept.sort((a, b) => b.score - a.score || a.token - b.token);
  if (topK > 0 && topK < kept.length) kept = kept.filter(({ score }) => score >= kept[topK - 1]!.score);
  const weigh = () => {
    const total = kept.reduce((sum, { score }) => sum + Math.exp(score - kept[0]!.score), 0);
    return kept.map(({ token, score }) => [token, Math.exp(score - kept[0]!.score) / total] as const);
  };
  if (topP < 1) {
    const probabilities = weigh().map(([, probability]) => probability);
    kept = kept.filter((_, i) => i === 0 || probabilities.slice(0, i).reduce((a, b) => a + b, 0) < topP);
  }
  return new Map(weigh());
}

test("the distribution is temperature, then top-k, then top-p, and sums to 1", () => {
  fc.assert(
    fc.property(
      row,
      fc.double({ min: 0.3, max: 3, noNaN: true }),
      fc.nat(45),
      fc.integer({ min: 1, max: 97 }).map((share) => share / 97),
      (scores, temperature, topK, topP) => {
        const { tokens, probabilities } = samplingDistribution(scores, { temperature, topK, topP });
        assert.ok(tokens.length >= 1);
        assert.ok(Math.abs(probabilities.reduce((a, b) => a + b, 0) - 1) < 1e-9);
        const expected = byDefinition(scores, temperature, topK, topP);
        for (const [i, token] of tokens.entries()) {
          assert.ok(Math.abs(probabilities[i]! - (expected.get(token) ?? NaN)) < 1e-6, `token ${token}`);
        }
        assert.equal(tokens.length, expected.size);
      },
    ),
    { numRuns: 300 },
  );
});

test("ruled-out tokens are never kept, and a row without a finite score is refused", () => {
  const options = { temperature: 1, topK: 0, topP: 1 };
  assert.deepEqual(samplingDistribution(Float32Array.of(-Infinity, 2, -Infinity), options).tokens, [1]);
  assert.deepEqual(
    samplingDistribution(Float32Array.of(-Infinity, 2, 1), { ...options, topK: 3 }).tokens,
    [1, 2],
  );
  assert.throws(() => samplingDistribution(Float32Array.of(-Infinity, NaN), options), /no finite maximum/);
});
