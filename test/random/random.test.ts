import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random, type RandomState } from "../../src/random/random";

test("the same seed draws the same numbers, another seed others", () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 8 }, () => random.uint32());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test("xoshiro128** from state 1,2,3,4 gives the sequence of its definition", () => {
  const random = new Random([1, 2, 3, 4]);
  // Worked by hand from the definition: rotl(2*5, 7) * 9; then the state is (7, 0, 1026, 12288) and s[1] is 0.
  assert.deepEqual(
    [random.uint32(), random.uint32(), random.state],
    [11520, 0, [(7 ^ 12288) >>> 0, (0 ^ 1026 ^ 7) >>> 0, (1026 ^ 7) >>> 0, rotl((12288 ^ 0) >>> 0, 11)]],
  );
});

function rotl(x: number, bits: number): number {
  return ((x << bits) | (x >>> (32 - bits))) >>> 0;
}

test("a saved state continues the same stream", () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(50), (seed, skip) => {
      const first = new Random(seed);
      for (let i = 0; i < skip; i++) first.uniform();
      const second = new Random(JSON.parse(JSON.stringify(first.state)) as RandomState);
      assert.deepEqual([first.uniform(), first.integer(10)], [second.uniform(), second.integer(10)]);
    }),
  );
});

test("uniform draws have the mean and variance of U(0, 1), normal draws those of N(0, 1)", () => {
  const random = new Random(3);
  const n = 50_000;
  const moments = (next: () => number) => {
    const xs = Array.from({ length: n }, next);
    const mean = xs.reduce((a, b) => a + b, 0) / n;
    return [mean, xs.reduce((a, b) => a + (b - mean) ** 2, 0) / n] as const;
  };
  const [uniformMean, uniformVariance] = moments(() => random.uniform());
  assert.ok(Math.abs(uniformMean - 0.5) < 0.01 && Math.abs(uniformVariance - 1 / 12) < 0.005);
  const [normalMean, normalVariance] = moments(() => random.normal());
  assert.ok(Math.abs(normalMean) < 0.02 && Math.abs(normalVariance - 1) < 0.04);
});

test("shuffle permutes, leaves its input alone, and every order of three appears", () => {
  const random = new Random(1);
  const input = [1, 2, 3];
  const seen = new Set(Array.from({ length: 200 }, () => random.shuffle(input).join("")));
  assert.equal(seen.size, 6);
  assert.deepEqual(input, [1, 2, 3]);
});

test("a bound that is no whole number from 1 is refused", () => {
  for (const bound of [0, -1, 1.5, NaN, 2 ** 33])
    assert.throws(() => new Random(1).integer(bound), /whole number/);
  assert.throws(() => new Random(0.5), /seed/);
});

test("forks are reproducible, differ from each other, and leave the parent where it was", () => {
  const parent = new Random(5);
  const before = parent.state;
  const draws = [0, 1, 2, 3].map((part) => parent.fork(part).uint32());
  assert.equal(new Set(draws).size, 4);
  assert.deepEqual(
    draws,
    [0, 1, 2, 3].map((part) => new Random(5).fork(part).uint32()),
  );
  assert.deepEqual(parent.state, before);
  assert.notEqual(new Random(0).fork(0).uint32(), new Random(0).fork(0).fork(0).uint32());
});
