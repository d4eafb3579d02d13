import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import type { Device } from "../../src/engine/devices";
import { dropout } from "../../src/engine/ops/dropout";
import { gelu } from "../../src/engine/ops/gelu";
import { recompute } from "../../src/engine/ops/recompute";
import { recordFunction } from "../../src/engine/recording";
import { float32Tensor } from "../../src/tensors/tensor";
import { Random } from "../../src/random/random";

const random = new Random(3);
const floats = (...shape: number[]) =>
  float32Tensor(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );

const inputs = { x: floats(6, 5), offset: floats(6, 5), w: floats(5, 5), u: floats(5, 5) };
type Tensors = Record<keyof typeof inputs, tf.Tensor>;

/** Two blocks with dropout, one after the other, and dropout behind them; y and the gradients of everything. */
const stack = (again: boolean) => (given: Tensors) => {
  const names = Object.keys(inputs) as (keyof Tensors)[];
  const loss = (...values: tf.Tensor[]) => {
    const { x, offset, w, u } = Object.fromEntries(names.map((name, i) => [name, values[i]!])) as Tensors;
    const block = (weight: tf.Tensor) => (x: tf.Tensor, offset: tf.Tensor) => {
      const inner = gelu(dropout(tf.matMul(x, weight), 0.3));
      return dropout(tf.add(tf.mul(inner, offset), x), 0.2);
    };
    const run = (weight: tf.Tensor, x: tf.Tensor) =>
      again ? recompute(block(weight), [x, offset], [weight]) : block(weight)(x, offset);
    const y = dropout(run(u, run(w, x)), 0.5);
    return tf.sum(tf.mul(y, tf.cos(tf.reshape(tf.range(0, y.size, 1, "float32"), y.shape)))) as tf.Scalar;
  };
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => given[name]));
  return { loss: value as tf.Tensor, ...Object.fromEntries(names.map((name, i) => [`d${name}`, grads[i]!])) };
};

for (const device of ["cpu", "tfjs-cpu"] as Device[])
  test(`what is computed twice has the same value, dropout and gradients, ${device}`, async () => {
    const run = async (again: boolean) => {
      const program = await compile(stack(again), inputs, { device });
      const results = await program.run(inputs, { noise: { seed: 4, step: 1 } });
      await program.dispose();
      return results as Record<string, { data: Float32Array }>;
    };
    const [once, twice] = [await run(false), await run(true)];
    assert.ok(once["dw"]!.data.some((value) => value !== 0));
    for (const [name, { data }] of Object.entries(once)) assert.deepEqual(twice[name]!.data, data, name);
  });

test("a gradient computes anew what a block did, and draws no mask for it", () => {
  const count = (again: boolean, type: string) => {
    const { model, masks } = recordFunction(
      stack(again) as (inputs: tf.TensorContainerObject) => never,
      inputs,
    );
    return { nodes: model.nodes.filter(({ opType }) => opType === type).length, masks: masks.size };
  };
  assert.deepEqual(count(false, "Gelu"), { nodes: 2, masks: 5 });
  assert.deepEqual(count(true, "Gelu"), { nodes: 2 + 2, masks: 5 });
  // Masks are unpacked again; the one behind the blocks is not.
  assert.deepEqual(count(false, "DequantizeLinear").nodes, 5);
  assert.deepEqual(count(true, "DequantizeLinear").nodes, 5 + 4);
});

test("an input that a block does not depend on has the gradient 0", async () => {
  const given = { x: floats(2, 2), other: floats(2, 2) };
  const program = await compile(
    ({ x, other }) => {
      const square = (x: tf.Tensor) => tf.square(x);
      const [dx, dother] = tf.grads((x: tf.Tensor, other: tf.Tensor) =>
        tf.sum(recompute(square, [x, other], [])),
      )([x, other]);
      return { dx: dx!, dother: dother! };
    },
    given,
    {},
  );
  const { dx, dother } = await program.run(given);
  await program.dispose();
  assert.deepEqual(
    dx.data,
    given.x.data.map((value) => 2 * value),
  );
  assert.deepEqual(dother.data, new Float32Array(4));
});
