import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { recordFunction } from "../../src/engine/recording";

const KIB = 1024;
/** The peak of a function of one matrix of a KiB, in KiB. */
const peak = (fn: (x: tf.Tensor2D) => tf.Tensor) =>
  recordFunction(({ x }) => ({ y: fn(x as tf.Tensor2D) }), {
    x: { dtype: "float32", shape: [16, 16] },
  }).peakBytes() / KIB;

test("inputs and results take nothing; what stands between does, until its last use", () => {
  assert.equal(
    peak((x) => tf.tanh(x)),
    0,
  );
  assert.equal(
    peak((x) => tf.matMul(tf.matMul(x, x), x)),
    1,
  );
  // Of a chain two values are there at a time, however long it is.
  const chain = (length: number) => (x: tf.Tensor2D) => {
    let y = x;
    for (let i = 0; i < length; i++) y = tf.matMul(y, x);
    return y;
  };
  assert.deepEqual([peak(chain(3)), peak(chain(9))], [2, 2]);
});

test("what is needed later stays", () => {
  const kept = (x: tf.Tensor2D) => {
    const values = [x];
    for (let i = 0; i < 4; i++) values.push(tf.matMul(values[i]!, x));
    return tf.matMul(tf.concat(values.slice(1), 0), x);
  };
  assert.equal(peak(kept), 8); // four matrices and the four joined
});

test("an operation writes over what nothing else needs, and another view of a value takes no memory", () => {
  assert.equal(
    peak((x) => tf.matMul(tf.tanh(tf.exp(tf.matMul(x, x))), x)),
    1,
  );
  assert.equal(
    peak((x) => tf.matMul(tf.reshape(tf.reshape(tf.matMul(x, x), [8, 32]), [16, 16]) as tf.Tensor2D, x)),
    1,
  );
});

test("types have their sizes", () => {
  assert.equal(
    peak((x) => tf.cast(tf.logicalNot(tf.logicalNot(tf.greater(x, tf.scalar(0)))), "float32")),
    0.5,
  );
});
