import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { encodeModel } from "../../src/engine/onnx";
import { packBytes, unpackedAfter } from "../../src/engine/ops/bytes";
import { recordFunction } from "../../src/engine/recording";

/** What a program reads of bytes that it is given as words, at once and after `other`. */
async function throughWords(dtype: "int8" | "uint8", shape: number[], data: Int8Array | Uint8Array) {
  const { model } = recordFunction(
    ({ x, other }) => ({
      now: tf.mul(x, 1),
      later: tf.mul(unpackedAfter(x, other), 1),
      plain: tf.add(other, 1),
    }),
    { x: { dtype, shape }, other: { dtype: "float32", shape: [2] } },
    { packs: (name) => name === "x" },
  );
  const session = await ort.InferenceSession.create(encodeModel(model), { executionProviders: ["cpu"] });
  const words = packBytes({ dtype, shape, data });
  const results = await session.run({
    x: new ort.Tensor("int32", words.data, [...words.shape]),
    other: new ort.Tensor("float32", Float32Array.of(NaN, -3), [2]),
  });
  await session.release();
  return { words, now: results["now"]!, later: results["later"]! };
}

for (const [dtype, count, shape] of [
  ["int8", 256, [16, 16]],
  ["uint8", 256, [256]],
  ["int8", 7, [7, 1]],
  ["uint8", 5, [1, 5]],
  ["uint8", 1, [1]],
] as const)
  test(`${count} numbers of ${dtype} are words of 32 bits, and themselves again in a program`, async () => {
    const values = Array.from(
      { length: count },
      (_, i) => (37 * i + 128 + (dtype === "uint8" ? 0 : 11)) % 256,
    );
    const data = dtype === "int8" ? Int8Array.from(values) : Uint8Array.from(values);
    const { words, now, later } = await throughWords(dtype, [...shape], data);
    assert.deepEqual([words.dtype, words.shape], ["int32", [Math.ceil(count / 4)]]);
    for (const result of [now, later]) {
      assert.deepEqual([...result.dims], [...shape]);
      assert.deepEqual([...(result.data as Int32Array)], [...data]);
    }
  });
