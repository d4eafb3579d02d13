import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type GenerationOptions, resolveGenerationOptions } from "../../src/generation/options";
import { scoreProcessors } from "../../src/generation/processors";
import { drawToken, samplingDistribution } from "../../src/generation/sampling";
import { Random } from "../../src/random/random";
import { testEveryLlama } from "../models/llama-fixtures";

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

test("a draw is the first token whose cumulative probability exceeds a uniform number", () => {
  const property = fc.property(
    row,
    fc.constantFrom({ topK: 0, topP: 1 }, { topK: 7, topP: 1 }, { topK: 0, topP: 0.8 }),
    fc.double({ min: 0.05, max: 3, noNaN: true }),
    fc.nat(),
    (scores, cut, temperature, seed) => {
      const options = { temperature, ...cut };
      const { tokens, probabilities } = samplingDistribution(scores, options);
      let left = new Random(seed).uniform();
      const at = probabilities.findIndex((probability) => (left -= probability) < 0);
      const expected = at < 0 ? tokens.length - 1 : at;
      const drawn = drawToken(scores, options, new Random(seed));
      assert.equal(drawn, tokens[expected]);
    },
  );
  fc.assert(property, { numRuns: 300 });
  const all = { temperature: 1, topK: 0, topP: 1 };
  assert.throws(
    () => drawToken(Float32Array.of(-Infinity, -Infinity), all, new Random(1)),
    /no finite maximum/,
  );
  assert.throws(() => drawToken(Float32Array.of(1, NaN), all, new Random(1)), /no finite maximum/);
  assert.equal(drawToken(Float32Array.of(-Infinity, 2), all, new Random(1)), 1);
});

interface SamplingFile {
  readonly sampling: {
    readonly input_ids: readonly number[][];
    readonly logits: readonly number[];
    readonly cases: {
      readonly args: Record<string, number>;
      readonly kept: number;
      readonly log_probs: (number | null)[];
    }[];
  };
}

testEveryLlama(
  "what is drawn from is transformers', by temperature, penalty, top-k and top-p; other ways are refused by name",
  ["generation.json"],
  () => ["sampling"],
  (fixture) => {
    const { sampling } = fixture.read<SamplingFile>("generation.json");
    const [tokens] = sampling.input_ids;
    for (const { args, kept, log_probs } of sampling.cases) {
      const options = {
        maxNewTokens: 1,
        doSample: true,
        ...Object.fromEntries(
          Object.entries(args).map(([name, value]) => [
            name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
            value,
          ]),
        ),
      } as GenerationOptions;
      const others = Object.keys(options).filter((name) => name === "minP" || name === "typicalP");
      if (others.length > 0) {
        assert.throws(() => resolveGenerationOptions(options), new RegExp(others[0]!));
        continue;
      }
      const resolved = resolveGenerationOptions(options);
      const scores = Float32Array.from(sampling.logits);
      for (const process of scoreProcessors(resolved, []))
        process(scores, { tokens: tokens!, promptLength: tokens!.length });
      const drawn = samplingDistribution(scores, resolved);
      assert.equal(drawn.tokens.length, kept, JSON.stringify(args));
      drawn.tokens.forEach((token, i) => {
        const expected = log_probs[token] ?? NaN;
        assert.ok(
          Math.abs(Math.log(drawn.probabilities[i]!) - expected) < 1e-5 * (1 + Math.abs(expected)),
          `${JSON.stringify(args)}, token ${token}: ${Math.log(drawn.probabilities[i]!)}, expected ${expected}`,
        );
      });
    }
  },
);
