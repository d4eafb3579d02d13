import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { generate, generateSteps } from "../../src/generation/generate";
import { type GenerationOptions, resolveGenerationOptions } from "../../src/generation/options";
import { inputs, START, ToyModel } from "./toy";

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-5, `${a} is not near ${b}`);

/** Every sequence that ends at the end token or at `length` tokens, with its log-probability. */
function* allSequences(
  model: ToyModel,
  input: number,
  length: number,
): Generator<{ tokens: number[]; logProbability: number }> {
  const extend = function* (
    tokens: number[],
    logProbability: number,
  ): Generator<{
    tokens: number[];
    logProbability: number;
  }> {
    if (tokens.length === length || tokens[tokens.length - 1] === model.eosTokenId) {
      yield { tokens, logProbability };
      return;
    }
    const next = model.logProbabilities([input], [START, ...tokens]);
    for (let token = 0; token < next.length; token++)
      yield* extend([...tokens, token], logProbability + next[token]!);
  };
  yield* extend([], 0);
}

test("greedy search takes the best token of each step and stops at the end token", async () => {
  const model = new ToyModel(12, 5, 1.5);
  const sequences = await generate(model, inputs(3, 4, 5, 6), { maxNewTokens: 9 });
  assert.deepEqual(
    sequences.map(({ input }) => input),
    [0, 1, 2, 3],
  );
  for (const { input, tokens } of sequences) {
    let expected: number[] = [];
    while (expected.length < 9 && expected[expected.length - 1] !== 1) {
      const logits = model.logits([3 + input], [0, ...expected]);
      expected = [...expected, logits.indexOf(Math.max(...logits))];
    }
    assert.deepEqual(tokens, expected);
  }
  assert.ok(model.trace.disposed);
});

test("a row's result does not depend on the other rows, and ended rows are given up", async () => {
  const ids = [3, 4, 5, 6, 7, 8, 9, 10];
  for (const options of [
    { maxNewTokens: 12 },
    { maxNewTokens: 12, doSample: true, seed: 7, numReturnSequences: 2 },
    { maxNewTokens: 12, numBeams: 3, numReturnSequences: 2 },
  ] satisfies GenerationOptions[]) {
    const model = new ToyModel(10, 1, 1.5);
    const together = await generate(model, inputs(...ids), options);
    const rows = model.trace.rowsPerStep;
    assert.ok(rows[rows.length - 1]! < rows[0]!, `rows a step: ${rows.join(" ")}`);
    for (const [number, id] of ids.entries()) {
      const alone = await generate(model, inputs(id), options, [number]);
      const expected = together
        .filter(({ input }) => input === number)
        .map((sequence) => ({ ...sequence, input: 0 }));
      assert.deepEqual(alone, expected);
    }
  }
});

test("beam search wide enough to keep everything finds the best sequence of all", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), fc.constantFrom(0, 0.5, 1, 2), async (seed, lengthPenalty) => {
      const model = new ToyModel(4, seed, 1);
      const options = { maxNewTokens: 3, numBeams: 64, lengthPenalty, earlyStopping: "never" as const };
      const [found] = await generate(
        model,
        inputs(9),
        lengthPenalty === 1 ? { ...options, lengthPenalty: 1 } : options,
      );
      const best = [...allSequences(model, 9, 3)]
        .map(({ tokens, logProbability }) => ({
          tokens,
          score: logProbability / tokens.length ** lengthPenalty,
        }))
        .reduce((a, b) => (b.score > a.score ? b : a));
      assert.deepEqual(found!.tokens, best.tokens);
      close(found!.score!, best.score);
    }),
    { numRuns: 40 },
  );
});

test("beam search returns different sequences, best first, scored by log-probability and length", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1000),
      fc.integer({ min: 2, max: 5 }),
      fc.boolean(),
      async (seed, numBeams, early) => {
        const model = new ToyModel(11, seed, 1);
        const lengthPenalty = 1.5;
        const found = await generate(model, inputs(3, 4), {
          maxNewTokens: 8,
          numBeams,
          numReturnSequences: numBeams,
          lengthPenalty,
          earlyStopping: early,
        });
        assert.equal(found.length, 2 * numBeams);
        for (const input of [0, 1]) {
          const own = found.filter((sequence) => sequence.input === input);
          assert.equal(new Set(own.map(({ tokens }) => tokens.join())).size, numBeams);
          own.forEach(({ tokens, score }, i) => {
            assert.ok(i === 0 || own[i - 1]!.score! >= score!);
            let logProbability = 0;
            tokens.forEach((token, at) => {
              logProbability += model.logProbabilities([3 + input], [0, ...tokens.slice(0, at)])[token]!;
            });
            close(score!, logProbability / tokens.length ** lengthPenalty);
          });
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("sampling from the best token only, or at a temperature near zero, is greedy search", async () => {
  const model = new ToyModel(20, 3, 1);
  const greedy = await generate(model, inputs(3, 4, 5), { maxNewTokens: 8 });
  for (const narrow of [{ topK: 1 }, { topP: 1e-9 }, { temperature: 1e-3 }]) {
    assert.deepEqual(
      await generate(model, inputs(3, 4, 5), { maxNewTokens: 8, doSample: true, ...narrow }),
      greedy,
    );
  }
});

test("a seed repeats its draws; another seed, and each returned sequence, draws anew", async () => {
  const model = new ToyModel(50, 3);
  const draw = (seed: number) =>
    generate(model, inputs(3), { maxNewTokens: 8, doSample: true, seed, numReturnSequences: 4 });
  assert.deepEqual(await draw(1), await draw(1));
  assert.notDeepEqual(await draw(1), await draw(2));
  assert.equal(new Set((await draw(1)).map(({ tokens }) => tokens.join())).size, 4);
});

test("first tokens are drawn as often as their probability says", async () => {
  const model = new ToyModel(5, 8);
  const draws = await generate(model, inputs(3), {
    maxNewTokens: 1,
    doSample: true,
    temperature: 0.8,
    numReturnSequences: 4000,
  });
  const weights = [...model.logits([3], [0])].map((logit) => Math.exp(logit / 0.8));
  const total = weights.reduce((a, b) => a + b);
  weights.forEach((weight, token) => {
    const expected = weight / total;
    const share = draws.filter(({ tokens }) => tokens[0] === token).length / 4000;
    assert.ok(Math.abs(share - expected) < 5 * Math.sqrt((expected * (1 - expected)) / 4000) + 1e-9);
  });
});

test("the constraints hold for every strategy", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1000),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(6),
      fc.constantFrom<Partial<GenerationOptions>>({}, { numBeams: 3 }, { doSample: true, topP: 0.9 }),
      async (seed, noRepeatNgramSize, minNewTokens, strategy) => {
        const found = await generate(new ToyModel(24, seed, 2), inputs(3, 4), {
          maxNewTokens: 10,
          minNewTokens,
          noRepeatNgramSize,
          repetitionPenalty: 1.3,
          ...strategy,
        });
        for (const { tokens } of found) {
          assert.ok(tokens.length >= minNewTokens && tokens.length <= 10);
          assert.ok(!tokens.slice(0, -1).includes(1));
          assert.ok(tokens.length === 10 || tokens[tokens.length - 1] === 1);
          const grams = [0, ...tokens].map((_, i, all) => all.slice(i, i + noRepeatNgramSize).join());
          const whole = grams.slice(0, tokens.length + 2 - noRepeatNgramSize);
          assert.equal(new Set(whole).size, whole.length);
        }
      },
    ),
    { numRuns: 60 },
  );
});

/** A toy whose scores at one step are changed. */
class SpoiltModel extends ToyModel {
  constructor(
    private readonly at: number,
    private readonly spoil: (scores: Float32Array) => void,
  ) {
    super(12, 3, -20);
  }
  private spoilt(scores: Float32Array, tokens: readonly number[]): Float32Array {
    if (tokens.length === this.at) this.spoil(scores);
    return scores;
  }
  override logits(input: readonly number[], tokens: readonly number[]): Float32Array {
    return this.spoilt(super.logits(input, tokens), tokens);
  }
  override logProbabilities(input: readonly number[], tokens: readonly number[]): Float32Array {
    return this.spoilt(super.logProbabilities(input, tokens), tokens);
  }
}

const strategies: Record<string, Partial<GenerationOptions>> = {
  greedy: {},
  "greedy with processors": { repetitionPenalty: 1.2, noRepeatNgramSize: 3, minNewTokens: 4 },
  beams: { numBeams: 3 },
  "beams with processors": { numBeams: 2, noRepeatNgramSize: 2, minNewTokens: 4 },
  sampling: { doSample: true },
  "sampling with processors": { doSample: true, topK: 3, noRepeatNgramSize: 3, minNewTokens: 4 },
};

for (const [name, options] of Object.entries(strategies)) {
  test(`scores that are not finite are an error, whatever chooses: ${name}`, async () => {
    for (const spoil of [
      (scores: Float32Array) => void scores.fill(NaN),
      (scores: Float32Array) => void (scores[7] = NaN),
      (scores: Float32Array) => void (scores[0] = Infinity),
      (scores: Float32Array) => void scores.fill(-Infinity),
    ]) {
      // Without processors the decoder itself chooses; a T5's says when its scores are not finite.
      if (name === "greedy" && !Number.isNaN(spoiltBest(spoil))) continue;
      for (const at of [1, 4]) {
        const model = new SpoiltModel(at, spoil);
        await assert.rejects(
          generate(model, inputs(3, 5), { maxNewTokens: 8, ...options }),
          /scores for the next token are not finite/,
        );
        assert.ok(model.trace.disposed);
      }
    }
    const ruledOut = new SpoiltModel(2, (scores) => void scores.fill(-Infinity, 5));
    const sequences = await generate(ruledOut, inputs(3), { maxNewTokens: 8, ...options });
    assert.ok(sequences[0]!.tokens.length > 0);
  });
}

const spoiltBest = (spoil: (scores: Float32Array) => void) => {
  const scores = new Float32Array(12);
  spoil(scores);
  return Math.max(...scores);
};

test("options that rule out every token are an error", async () => {
  for (const options of [{}, { numBeams: 2 }, { doSample: true }]) {
    await assert.rejects(
      generate(new ToyModel(6, 1), inputs(3), {
        maxNewTokens: 20,
        minNewTokens: 20,
        noRepeatNgramSize: 1,
        ...options,
      }),
      /rule out every token|continuations that it needs exist/,
    );
  }
});

test("steps show the tokens as they come, and leaving early frees the decoder", async () => {
  const model = new ToyModel(30, 2, -9);
  const seen: number[][] = [];
  for await (const { step, sequences } of generateSteps(model, inputs(3), { maxNewTokens: 6 })) {
    assert.equal(step, seen.length + 1);
    seen.push([...sequences[0]!.tokens]);
    if (step === 4) break;
  }
  assert.deepEqual(
    seen.map((tokens) => tokens.length),
    [1, 2, 3, 4],
  );
  const whole = await generate(model, inputs(3), { maxNewTokens: 6 });
  assert.deepEqual(seen[3], whole[0]!.tokens.slice(0, 4));
  assert.ok(model.trace.disposed);
});

test("no inputs give no sequences", async () => {
  assert.deepEqual(await generate(new ToyModel(5, 1), inputs(), { maxNewTokens: 3 }), []);
});

test("options that are wrong, unknown or without effect are refused by name", () => {
  const refused = (options: object, name: RegExp) =>
    assert.throws(() => resolveGenerationOptions({ maxNewTokens: 4, ...options }), name);
  refused({ maxNewTokens: 0 }, /maxNewTokens/);
  refused({ maxNewTokens: 1.5 }, /maxNewTokens/);
  refused({ minNewTokens: 5 }, /minNewTokens/);
  refused({ numBeam: 2 }, /numBeam/);
  refused({ temperature: 0.5 }, /has an effect with doSample: true only[^]*temperature/);
  refused({ doSample: true, temperature: 0 }, /temperature/);
  refused({ doSample: true, topP: 1.1 }, /topP/);
  refused({ doSample: true, numBeams: 2 }, /numBeams/);
  refused({ lengthPenalty: 2 }, /has an effect with numBeams > 1 only[^]*lengthPenalty/);
  refused({ numReturnSequences: 2 }, /numReturnSequences/);
  refused({ numBeams: 2, numReturnSequences: 3 }, /numReturnSequences/);
  refused({ repetitionPenalty: NaN }, /repetitionPenalty/);
});
