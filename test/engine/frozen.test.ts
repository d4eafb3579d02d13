import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { FrozenProgram } from "../../src/engine/frozen";
import { attend } from "../../src/engine/ops/attend";
import { attendCached } from "../../src/engine/ops/attend-cached";
import { attendExtended } from "../../src/engine/ops/attend-extended";
import { positions } from "../../src/engine/ops/positions";
import { matMulQuantized, quantizeMatrix } from "../../src/engine/ops/quantized";
import { Random } from "../../src/random/random";
import { SafetensorsFile, writeSafetensors } from "../../src/tensors/file";
import { float32Tensor } from "../../src/tensors/tensor";

const folder = mkdtempSync(join(tmpdir(), "frozen-"));
test.after(() => rmSync(folder, { recursive: true }));

const random = new Random(3);
const normal = (...shape: number[]) =>
  float32Tensor(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );
const float32 = (...shape: number[]) => ({ dtype: "float32", shape }) as const;
const asTensor = ({ data, shape }: { data: Float32Array; shape: readonly number[] }) =>
  tf.tensor(data, [...shape]);
const near = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-5) => {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++)
    assert.ok(Math.abs(a[i]! - b[i]!) <= tolerance, `${a[i]} is not near ${b[i]}`);
};

test("weights from memory and from a file give what the function gives, for any number of rows", async () => {
  // The larger part in the file, then in memory.
  for (const inner of [6, 60]) await checkMixed(inner);
});

async function checkMixed(inner: number) {
  const [a, b] = [normal(inner, 4), normal(inner > 6 ? 1 : 5, inner)];
  const path = join(folder, "weights.safetensors");
  writeSafetensors(path, new Map([["b", b]]));
  const file = new SafetensorsFile(path);
  const fn = ({ x, a, b }: Record<"x" | "a" | "b", tf.Tensor>) => ({
    y: tf.matMul(tf.matMul(x, a, false, true), b, false, true),
  });
  const program = await FrozenProgram.create(
    fn,
    { x: float32(7919, 4), a: float32(inner, 4), b: float32(...b.shape) },
    {
      dimensions: { rows: 7919 },
      constantOf: (name) =>
        name === "a"
          ? a
          : name === "b"
            ? { dtype: "float32", shape: b.shape, path, offset: file.offset("b") }
            : undefined,
    },
  );
  file.close();
  for (const rows of [1, 3, 0, 17]) {
    const x = normal(rows, 4);
    const { y } = await program.run({ x }, ["y"]);
    assert.deepEqual(y.shape, [rows, b.shape[0]]);
    near(y.data as Float32Array, fn({ x: asTensor(x), a: asTensor(a), b: asTensor(b) }).y.dataSync());
  }
  await assert.rejects(program.run({}, ["y"]), /the input x is missing/);
  await program.dispose();
}

test("positions of an open dimension are counted when the program runs", async () => {
  const program = await FrozenProgram.create(
    ({ x }) => ({ places: tf.add(positions(x.shape[0]!), tf.scalar(0, "int32")) }),
    { x: float32(7919) },
    { dimensions: { length: 7919 }, constantOf: () => undefined },
  );
  for (const length of [0, 1, 5]) {
    const { places } = await program.run({ x: normal(length) }, ["places"]);
    assert.deepEqual([...places.data], [...Array(length).keys()]);
  }
  assert.deepEqual([...positions(3).dataSync()], [0, 1, 2]);
  await program.dispose();
});

test("positions go on from an open dimension", async () => {
  const open = { past: 7919, length: 7927 };
  const program = await FrozenProgram.create(
    ({ x, y }) => ({
      all: positions(y.shape[0]!, x.shape[0]!),
      one: positions(1, x.shape[0]!),
      both: tf.concat([positions(x.shape[0]!), positions(y.shape[0]!, x.shape[0]!)]),
    }),
    { x: float32(open.past), y: float32(open.length) },
    { dimensions: { ...open, total: open.past + open.length }, constantOf: () => undefined },
  );
  for (const [past, length] of [
    [0, 1],
    [3, 1],
    [4, 3],
  ] as const) {
    const results = await program.run({ x: normal(past), y: normal(length) }, ["all", "one", "both"]);
    const whole = [...Array(past + length).keys()];
    assert.deepEqual([...results.all.data], whole.slice(past));
    assert.deepEqual([...results.one.data], [past]);
    assert.deepEqual([...results.both.data], whole);
  }
  assert.deepEqual([...positions(2, 3).dataSync()], [3, 4]);
  await program.dispose();
});

test("attention that extends its cache is attention over all positions, and gives a cache of them", async () => {
  const open = { past: 7919, length: 7927 };
  const total = open.past + open.length;
  const program = await FrozenProgram.create(
    ({ q, k, v, pk, pv, bias }) =>
      attendExtended(
        q as tf.Tensor4D,
        { key: k as tf.Tensor4D, value: v as tf.Tensor4D },
        { key: pk as tf.Tensor4D, value: pv as tf.Tensor4D },
        bias,
      ),
    {
      q: float32(2, 4, open.length, 3),
      k: float32(2, 2, open.length, 3),
      v: float32(2, 2, open.length, 3),
      pk: float32(2, 2, 3, open.past),
      pv: float32(2, 2, open.past, 3),
      bias: float32(2, 1, open.length, total),
    },
    { dimensions: { ...open, total }, constantOf: () => undefined },
  );
  let past = { pk: normal(2, 2, 3, 0), pv: normal(2, 2, 0, 3) };
  const [keys, values] = [normal(2, 2, 4, 3), normal(2, 2, 4, 3)];
  const part = ({ data, shape }: typeof keys, from: number, length: number) => {
    const cut = tf.slice(tf.tensor(data, [...shape]), [0, 0, from, 0], [-1, -1, length, -1]);
    return float32Tensor(cut.shape, cut.dataSync<"float32">());
  };
  for (const [from, length] of [
    [0, 3],
    [3, 1],
  ] as const) {
    const [q, bias] = [normal(2, 4, length, 3), normal(2, 1, length, from + length)];
    const [k, v] = [part(keys, from, length), part(values, from, length)];
    const results = await program.run({ q, k, v, bias, ...past }, ["output", "cache/key", "cache/value"]);
    const [key, value] = [part(keys, 0, from + length), part(values, 0, from + length)].map(asTensor);
    const expected = attend(
      asTensor(q) as tf.Tensor4D,
      key as tf.Tensor4D,
      value as tf.Tensor4D,
      asTensor(bias),
    );
    near(results.output.data as Float32Array, expected.dataSync());
    const [pk, pv] = [results["cache/key"], results["cache/value"]] as [typeof keys, typeof keys];
    assert.deepEqual([pk.shape, pv.shape], [[2, 2, 3, from + length], value!.shape]);
    assert.deepEqual([...pk.data], [...tf.transpose(key!, [0, 1, 3, 2]).dataSync()]);
    assert.deepEqual([...pv.data], [...value!.dataSync()]);
    past = { pk, pv };
  }
  await program.dispose();
});

test("attention over a partly filled buffer is attention over what it holds and the new position", async () => {
  const dimensions = { rows: 7919, past: 7933 };
  const program = await FrozenProgram.create(
    ({ q, k, v, pk, pv, pastBias, ownBias }) => ({
      y: attendCached(
        q as tf.Tensor4D,
        { key: k as tf.Tensor4D, value: v as tf.Tensor4D },
        { key: pk as tf.Tensor4D, value: pv as tf.Tensor4D },
        pastBias,
        ownBias,
      ),
    }),
    {
      q: float32(7919, 2, 1, 3),
      k: float32(7919, 2, 1, 3),
      v: float32(7919, 2, 1, 3),
      pk: float32(7919, 2, 7933, 3),
      pv: float32(7919, 2, 7933, 3),
      pastBias: float32(1, 2, 1, 7933),
      ownBias: float32(1, 2, 1, 1),
    },
    { dimensions, constantOf: () => undefined },
  );
  for (const [rows, filled, capacity] of [
    [1, 0, 4],
    [3, 2, 4],
    [2, 5, 5],
  ] as const) {
    const [q, k, v] = [normal(rows, 2, 1, 3), normal(rows, 2, 1, 3), normal(rows, 2, 1, 3)];
    const [pk, pv] = [normal(rows, 2, capacity, 3), normal(rows, 2, capacity, 3)];
    const [pastBias, ownBias] = [normal(1, 2, 1, capacity), normal(1, 2, 1, 1)];
    for (const head of [0, 1])
      pastBias.data.fill(-3.4028234663852886e38, head * capacity + filled, (head + 1) * capacity);
    const { y } = await program.run({ q, k, v, pk, pv, pastBias, ownBias }, ["y"]);
    const cut = (x: tf.Tensor) => tf.slice(x, [0, 0, 0, 0], [-1, -1, filled, -1]);
    const whole = (past: typeof pk, own: typeof k) =>
      tf.concat([cut(asTensor(past)), asTensor(own)], 2) as tf.Tensor4D;
    const bias = tf.concat(
      [tf.slice(asTensor(pastBias), [0, 0, 0, 0], [-1, -1, -1, filled]), asTensor(ownBias)],
      3,
    );
    const expected = attend(asTensor(q) as tf.Tensor4D, whole(pk, k), whole(pv, v), bias, 0);
    near(y.data as Float32Array, expected.dataSync());
  }
  await program.dispose();
});

test("8-bit matrices are within half a step of the weights, block by block", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 300 }),
      fc.nat(1000),
      (out, inputs, seed) => {
        const draw = new Random(seed);
        const weight = Float32Array.from({ length: out * inputs }, (_, i) => (i % 7 ? draw.normal() : 0));
        const { values, scales } = quantizeMatrix(weight, [out, inputs]);
        const blocks = Math.ceil(inputs / 128);
        for (let row = 0; row < out; row++) {
          for (let i = 0; i < inputs; i++) {
            const scale = scales[row * blocks + (i >> 7)]!;
            const value = (values[row * blocks * 128 + i]! - 128) * scale;
            assert.ok(Math.abs(value - weight[row * inputs + i]!) <= scale * 0.501);
          }
        }
      },
    ),
  );
  assert.deepEqual([...quantizeMatrix(new Float32Array(3), [1, 3]).scales], [0]);
});

test("products with 8-bit matrices are near the exact ones, recorded and eager, and rows do not touch each other", async () => {
  const [out, inputs] = [9, 200];
  const weight = normal(out, inputs);
  const { values, scales } = quantizeMatrix(weight.data, [out, inputs]);
  const constants = {
    values: { dtype: "uint8", shape: [out, 2, 128], data: values } as const,
    scales: float32Tensor([out, 2], scales),
  };
  const program = await FrozenProgram.create(
    ({ x, values, scales }) => ({ y: matMulQuantized(x as tf.Tensor2D, { values, scales }) }),
    { x: float32(7919, inputs), values: { dtype: "uint8", shape: [out, 2, 128] }, scales: float32(out, 2) },
    { dimensions: { rows: 7919 }, constantOf: (name) => constants[name as keyof typeof constants] },
  );
  const x = normal(4, inputs);
  x.data.subarray(0, inputs).forEach((value, i, row) => (row[i] = 100 * value));
  const { y } = await program.run({ x }, ["y"]);
  const exact = tf.matMul(asTensor(x), asTensor(weight), false, true).dataSync();
  const eager = matMulQuantized(asTensor(x) as tf.Tensor2D, {
    values: tf.tensor(values, [out, 2, 128], "int32"),
    scales: asTensor(constants.scales),
  }).dataSync();
  for (let row = 0; row < 4; row++) {
    const size = row === 0 ? 100 : 1;
    near(
      (y.data as Float32Array).subarray(row * out, (row + 1) * out),
      exact.subarray(row * out, (row + 1) * out),
      size,
    );
    near(eager.subarray(row * out, (row + 1) * out), exact.subarray(row * out, (row + 1) * out), size / 2);
    const alone = await program.run(
      { x: float32Tensor([1, inputs], x.data.slice(row * inputs, (row + 1) * inputs)) },
      ["y"],
    );
    near(
      alone.y.data as Float32Array,
      (y.data as Float32Array).subarray(row * out, (row + 1) * out),
      1e-5 * size,
    );
  }
  await program.dispose();
});
