import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../../src/engine/compile";
import { adamW, clipFactor, DEFAULT_ADAMW, globalNorm, isDecayed } from "../../src/training/adamw";
import { Packing } from "../../src/training/packed";
import { type ParameterMap, zerosLike } from "../../src/training/policy";
import { updated } from "../../src/training/resident-step";
import { float32Tensor } from "../../src/tensors/tensor";

const numbers = (size: number, seed: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 1.7 * i * i + i));
const parameters = (seed: number): ParameterMap =>
  new Map([
    ["a.weight", float32Tensor([2, 3], numbers(6, seed))],
    ["b.layernorm.weight", float32Tensor([3], numbers(3, seed + 1))],
    ["c.weight", float32Tensor([4], numbers(4, seed + 2))],
  ]);
const flat = (map: ParameterMap) => [...map.values()].flatMap(({ data }) => [...data]);

test("parameters become two vectors, and are themselves again", async () => {
  const given = parameters(1);
  const packing = new Packing(given, isDecayed);
  const vectors = packing.pack(given);
  assert.deepEqual(
    Object.entries(vectors).map(([name, { shape }]) => [name, shape]),
    [
      ["decayed", [10]],
      ["kept", [3]],
    ],
  );
  const back = zerosLike(given);
  packing.unpackInto(back, vectors);
  assert.deepEqual(back, given);
  const program = await compile(
    ({ vectors }) => {
      const tensors = packing.tensorsOf(vectors);
      return { tensors, again: packing.vectorsOf(tensors) };
    },
    { vectors },
  );
  const { tensors, again } = await program.run({ vectors });
  for (const [name, { shape, data }] of given) {
    assert.deepEqual(tensors[name]!.shape, shape);
    assert.deepEqual(tensors[name]!.data, data);
  }
  assert.deepEqual(again["decayed"]!.data, vectors["decayed"]!.data);
  await program.dispose();
  assert.deepEqual(new Packing(given, () => true).pack(given)["decayed"]!.shape, [13]);
});

for (const maxGradNorm of [0, 0.5, 1e6]) {
  test(`a step of AdamW over vectors is that over parameters, gradients clipped to ${maxGradNorm}`, async () => {
    const options = { ...DEFAULT_ADAMW, maxGradNorm, weightDecay: 0.1 };
    const [p, g, first, second] = [parameters(1), parameters(7), parameters(13), parameters(21)];
    for (const { data } of second.values()) data.forEach((value, i) => (data[i] = value * value));
    const packing = new Packing(p, options.decays);
    const [perCount, step, learningRate] = [0.25, 3, 0.01];
    const factors = float32Tensor(
      [4],
      Float32Array.of(
        perCount,
        learningRate,
        learningRate / (1 - options.beta1 ** step),
        1 / Math.sqrt(1 - options.beta2 ** step),
      ),
    );
    const inputs = {
      p: packing.pack(p),
      g: packing.pack(g),
      m: packing.pack(first),
      v: packing.pack(second),
      factors,
    };
    const program = await compile((given) => updated(given as never, options), inputs);
    const { next, norm } = await program.run(inputs);
    const gradNorm = globalNorm(g) * perCount;
    assert.ok(Math.abs(Number(norm.data[0]) / gradNorm - 1) < 1e-6);
    const gradientScale = perCount * clipFactor(gradNorm, maxGradNorm);
    adamW(p, g, { first, second }, { step, learningRate, gradientScale }, options);
    for (const [name, expected] of Object.entries({ p, m: first, v: second })) {
      const actual = zerosLike(expected);
      packing.unpackInto(actual, next[name as "p"] as never);
      for (const [i, value] of flat(actual).entries())
        assert.ok(
          Math.abs(value - flat(expected)[i]!) < 1e-6,
          `${name}[${i}] is ${value}, not ${flat(expected)[i]}`,
        );
    }
    await program.dispose();
  });
}
