import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { sequenceSums } from "../../src/training/sequence-sums";

before(() => tf.setBackend("cpu"));

const labels = tf.tensor2d(new Int32Array(6), [2, 3], "int32");

test("rows of a sequence are added, all positions or those that have labels, in any order", () => {
  const all = sequenceSums({ labels }, tf.tensor1d([1, 2, 3, 4, 5, 6]));
  assert.deepEqual([...all.dataSync()], [6, 15]);
  const labelRows = tf.tensor1d([5, 0, 1, 0], "int32");
  const some = sequenceSums({ labels, labelRows }, tf.tensor1d([10, 1, 2, 0]));
  assert.deepEqual([...some.dataSync()], [3, 10]);
});

test("the gradient of a sequence's sum goes to its rows alone", () => {
  const gradient = tf.grad((values) => tf.slice(sequenceSums({ labels }, values), [1], [1]).sum())(
    tf.ones([6]),
  );
  assert.deepEqual([...gradient.dataSync()], [0, 0, 0, 1, 1, 1]);
});
