import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { FrozenProgram } from "../../../src/engine/frozen";
import { roundedWeights } from "../../../src/models/layers/weights";
import { int8Blocks, q4_0, q4_1, q8_0 } from "../../../src/models/quantization/blocks";
import { Random } from "../../../src/random/random";
import { float32Tensor } from "../../../src/tensors/tensor";

const [OUT, IN] = [24, 72];
const random = new Random(1);
const weight = float32Tensor(
  [OUT, IN],
  Float32Array.from({ length: OUT * IN }, () => random.normal()),
);
/** How far off a scheme's product of a row of ones may be, in weights' standard deviations: 0.5 of a step for each. */
const schemes = [
  { scheme: int8Blocks, error: 0.01 },
  { scheme: q8_0, error: 0.008 },
  { scheme: q4_0, error: 0.1 },
  { scheme: q4_1, error: 0.09 },
];

for (const { scheme, error } of schemes) {
  test(`${scheme.name}: the relative error of Gaussian weights is below ${error}`, async () => {
    await tf.setBackend("cpu");
    const tensors = scheme.quantize("q.weight", weight);
    const specs = scheme.specs("q.weight", weight.shape);
    assert.deepEqual(
      Object.entries(tensors).map(([name, { dtype, shape }]) => [name, { dtype, shape: [...shape] }]),
      Object.entries(specs).map(([name, { dtype, shape }]) => [name, { dtype, shape: [...shape] }]),
    );
    const named = Object.fromEntries(
      Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
        name,
        tf.tensor(data as Float32Array, [...shape], dtype === "float32" ? "float32" : "int32"),
      ]),
    );
    const link = scheme.link(named);
    const layers = link({
      apply: () => assert.fail("handed on"),
      denseWeight: () => assert.fail("handed on"),
      rows: () => assert.fail("handed on"),
    });
    assert.equal(layers.denseWeight("q"), undefined);
    const transposed = layers.apply(tf.eye(IN), "q").dataSync(); // x = I gives Wᵀ
    let [off, size] = [0, 0];
    for (let i = 0; i < OUT * IN; i++) {
      const value = transposed[(i % IN) * OUT + Math.floor(i / IN)]!;
      off += (value - weight.data[i]!) ** 2;
      size += weight.data[i]! ** 2;
    }
    assert.ok(Math.sqrt(off / size) < error, `${Math.sqrt(off / size)}`);
    assert.ok(Math.sqrt(off / size) > error / 3, "the bar says little");
  });

  test(`${scheme.name}: a program that holds a rounded layer, and one that it hands on`, async () => {
    await tf.setBackend("cpu");
    const shapes = { "q.weight": [OUT, IN], "k.weight": [OUT, IN] };
    const weights = roundedWeights(shapes, { get: () => weight }, (name) =>
      name === "q.weight" ? scheme : undefined,
    );
    const program = await FrozenProgram.create(
      ({ x, weights: tensors }) => {
        const layers = weights.linear(tensors as unknown as Record<string, tf.Tensor>);
        return { q: layers.apply(x as tf.Tensor2D, "q"), k: layers.apply(x as tf.Tensor2D, "k") };
      },
      { x: { dtype: "float32", shape: [3, IN] }, weights: weights.signature },
      {
        constantOf: (name) =>
          name.startsWith("weights/") ? weights.tensorOf(name.slice("weights/".length)) : undefined,
      },
    );
    const x = float32Tensor(
      [3, IN],
      Float32Array.from({ length: 3 * IN }, () => random.normal()),
    );
    const { q, k } = await program.run({ x }, ["q", "k"]);
    await program.dispose();
    const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));
    const exact = tf
      .matMul(tf.tensor2d(x.data, [3, IN]), tf.tensor2d(weight.data, [OUT, IN]), false, true)
      .dataSync();
    const difference = (actual: ArrayLike<number>) =>
      norm(exact.map((value, i) => value - actual[i]!)) / norm(exact);
    assert.ok(difference(k!.data as Float32Array) < 1e-6);
    assert.ok(difference(q!.data as Float32Array) < error + 0.01, `${difference(q!.data as Float32Array)}`);
  });
}
