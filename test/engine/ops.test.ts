import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import { withNoise } from "../../src/engine/eager";
import { addRows } from "../../src/engine/ops/add-rows";
import { attend } from "../../src/engine/ops/attend";
import {
  crossEntropy,
  linearCrossEntropy,
  linearPredictions,
  type Predictions,
  predictions,
} from "../../src/engine/ops/cross-entropy";
import { dropoutMask } from "../../src/engine/ops/dropout";
import { gelu } from "../../src/engine/ops/gelu";
import { rmsNorm } from "../../src/engine/ops/rms-norm";
import type { ProgramTensor } from "../../src/engine/tensors";
import { Random } from "../../src/random/random";
import { everywhere, on } from "./device";

const random = new Random(5);
const floats = (...shape: number[]): ProgramTensor => ({
  dtype: "float32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
});
const ints = (bound: number, length: number): ProgramTensor => ({
  dtype: "int32",
  shape: [length],
  data: Int32Array.from({ length }, () => random.integer(bound)),
});
const noise = { seed: 1, step: 2 };

/** Attention as its formula says, by operations that TensorFlow.js differentiates itself. */
function plainAttention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias: tf.Tensor, rate = 0): tf.Tensor {
  const weights = tf.softmax(tf.add(tf.matMul(q, k, false, true), bias));
  return tf.matMul(rate ? tf.mul(weights, dropoutMask(weights.shape, rate)) : weights, v);
}

function plainCrossEntropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: number): tf.Tensor {
  const [, classes] = logits.shape as [number, number];
  const target = tf.add(
    tf.mul(tf.oneHot(labels as tf.Tensor1D, classes), 1 - smoothing),
    smoothing / classes,
  );
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), target), 1));
}

type Op = (...tensors: tf.Tensor[]) => tf.Tensor;
interface Case {
  op: Op;
  plain: Op;
  inputs: ProgramTensor[];
}

const four = (op: typeof attend | typeof plainAttention, rate?: number): Op =>
  ((q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, bias: tf.Tensor) => op(q, k, v, bias, rate)) as Op;
const attention = (bias: number[], rate = 0): Case => ({
  op: four(attend, rate),
  plain: four(plainAttention, rate),
  inputs: [floats(2, 3, 4, 5), floats(2, 3, 6, 5), floats(2, 3, 6, 5), floats(...bias)],
});
const head = (smoothing: number, classes = 9): Case => ({
  op: (x, w, labels) =>
    linearCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, labels as tf.Tensor1D, smoothing),
  plain: (x, w, labels) => plainCrossEntropy(tf.matMul(x!, w!, false, true), labels!, smoothing),
  inputs: [floats(6, 4), floats(classes, 4), ints(classes, 6)],
});
/** The losses, and what is measured beside them, which has no gradient. */
function plainPredictions(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const measured = tf.customGrad((...args: unknown[]) => {
    const z = args[0] as tf.Tensor;
    const logProbabilities = tf.logSoftmax(z);
    const entropies = tf.neg(tf.sum(tf.mul(tf.exp(logProbabilities), logProbabilities), 1));
    const isTop = tf.cast(tf.equal(tf.argMax(z, 1), labels), "float32");
    return { value: tf.stack([entropies, isTop], 1), gradFunc: () => [tf.zerosLike(z)] };
  })(logits);
  return tf.concat([tf.expandDims(plainCrossEntropy(logits, labels, 0), 1), measured], 1);
}
const stacked = ({ losses, entropies, isTop }: Predictions) => tf.stack([losses, entropies, isTop], 1);
const measuredHead = (classes = 9): Case => ({
  op: (x, w, labels) => stacked(linearPredictions(x as tf.Tensor2D, w as tf.Tensor2D, labels as tf.Tensor1D)),
  plain: (x, w, labels) => plainPredictions(tf.matMul(x!, w!, false, true), labels!),
  inputs: [floats(6, 4), floats(classes, 4), ints(classes, 6)],
});
const logitsLoss = (smoothing: number): Case => ({
  op: (logits, labels) => crossEntropy(logits as tf.Tensor2D, labels as tf.Tensor1D, smoothing),
  plain: (logits, labels) => plainCrossEntropy(logits!, labels!, smoothing),
  inputs: [floats(6, 9), ints(9, 6)],
});

/** Labels that are the likeliest of 9,000 classes: for every other row its own class, taken from any chunk. */
const likeliest: Case = (() => {
  const classes = 9000;
  const own = [0, 4095, 4096, 8191, 8192, 8999];
  const x = new Float32Array(own.length * own.length);
  const w = new Float32Array(classes * own.length);
  own.forEach((label, row) => {
    x[row * own.length + row] = 1;
    w[label * own.length + row] = 5;
  });
  const labels = Int32Array.from(own, (label, row) => (row % 2 === 0 ? label : 17));
  return {
    ...measuredHead(classes),
    inputs: [
      { dtype: "float32", shape: [own.length, own.length], data: x },
      { dtype: "float32", shape: [classes, own.length], data: w },
      { dtype: "int32", shape: [own.length], data: labels },
    ],
  };
})();

const cases: Record<string, Case> = {
  "attend, bias for heads": attention([1, 3, 4, 6]),
  "attend, bias for keys": attention([2, 1, 1, 6]),
  "attend, full bias": attention([2, 3, 4, 6]),
  "attend, dropout": attention([1, 3, 4, 6], 0.4),
  gelu: {
    op: (x) => gelu(x!),
    plain: (x) => {
      const inner = tf.mul(tf.add(x!, tf.mul(tf.pow(x!, 3), 0.044715)), Math.sqrt(2 / Math.PI));
      return tf.mul(tf.mul(x!, 0.5), tf.add(tf.tanh(inner), 1));
    },
    inputs: [floats(5, 4)],
  },
  rmsNorm: {
    op: (x, weight) => rmsNorm(x as tf.Tensor2D, weight!, 1e-6),
    plain: (x, weight) => {
      return tf.mul(tf.mul(x!, tf.rsqrt(tf.add(tf.mean(tf.square(x!), -1, true), 1e-6))), weight!);
    },
    inputs: [floats(5, 7), floats(7)],
  },
  linearCrossEntropy: head(0),
  "linearCrossEntropy, smoothed": head(0.1),
  "linearCrossEntropy, many classes": head(0, 9000),
  "linearCrossEntropy, many classes, smoothed": head(0.1, 9000),
  crossEntropy: logitsLoss(0),
  "crossEntropy, smoothed": logitsLoss(0.1),
  linearPredictions: measuredHead(),
  "linearPredictions, many classes": measuredHead(9000),
  "linearPredictions, the label likeliest": likeliest,
  predictions: {
    op: (logits, labels) => stacked(predictions(logits as tf.Tensor2D, labels as tf.Tensor1D)),
    plain: (logits, labels) => plainPredictions(logits!, labels!),
    inputs: [floats(6, 9), ints(9, 6)],
  },
};

describe("operations with gradients of their own equal TensorFlow.js' gradients of their formulas", () => {
  before(() => tf.setBackend("cpu"));
  for (const [name, { op, plain, inputs }] of Object.entries(cases)) {
    test(name, async () => {
      const named = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
      const floating = inputs.flatMap(({ dtype }, i) => (dtype === "float32" ? [i] : []));
      const withGradients = (op: Op) => (tensors: Record<string, tf.Tensor>) => {
        const xs = Object.values(tensors);
        const { value, grads } = tf.valueAndGrads((...some: tf.Tensor[]) => {
          const all = [...xs];
          floating.forEach((place, i) => (all[place] = some[i]!));
          const y = op(...all);
          return tf.sum(
            tf.mul(y, tf.cos(tf.reshape(tf.range(0, y.size, 1, "float32"), y.shape))),
          ) as tf.Scalar;
        })(floating.map((place) => xs[place]!));
        return {
          value: value as tf.Tensor,
          ...Object.fromEntries(grads.map((grad, i) => [`d${floating[i]}`, grad])),
        };
      };
      const expected = withNoise(noise, () =>
        withGradients(plain)(
          Object.fromEntries(
            inputs.map(({ data, shape, dtype }, i) => [
              `x${i}`,
              tf.tensor(data as Float32Array, [...shape], dtype as "float32"),
            ]),
          ),
        ),
      ) as Record<string, tf.Tensor>;
      for (const device of everywhere) {
        // Those expected here are of drawn masks.
        const program = await compile(withGradients(op), named, { ...on(device), masks: "drawn" });
        const actual = (await program.run(named, { noise })) as Record<string, ProgramTensor>;
        await program.dispose();
        assert.deepEqual(Object.keys(actual), Object.keys(expected));
        for (const [result, tensor] of Object.entries(expected)) {
          tensor.dataSync().forEach((value, i) => {
            const off = Math.abs(value - (actual[result]!.data as Float32Array)[i]!);
            assert.ok(off < 2e-5, `${result}[${i}] on ${device} is off by ${off}`);
          });
        }
      }
    });
  }

  test("cross-entropy stays finite where a probability vanishes", async () => {
    const x: ProgramTensor = { dtype: "float32", shape: [1, 1], data: Float32Array.of(1) };
    const w: ProgramTensor = { dtype: "float32", shape: [2, 1], data: Float32Array.of(-300, 300) };
    const labels: ProgramTensor = { dtype: "int32", shape: [1], data: Int32Array.of(0) };
    const program = await compile(
      ({ x, w, labels }) => ({
        loss: linearCrossEntropy(x as tf.Tensor2D, w as tf.Tensor2D, labels as tf.Tensor1D),
      }),
      { x, w, labels },
      on("cpu"),
    );
    assert.equal((await program.run({ x, w, labels })).loss.data[0], 600);
    await program.dispose();
  });
});

for (const device of everywhere) {
  test(`rows are added to those of their indices, repeated ones too, ${device}`, async () => {
    const program = await compile(
      ({ x, index, rows }) => ({
        sum: addRows(x as tf.Tensor2D, index as tf.Tensor1D, rows as tf.Tensor2D),
      }),
      {
        x: { dtype: "float32", shape: [3, 2] },
        index: { dtype: "int32", shape: [3] },
        rows: { dtype: "float32", shape: [3, 2] },
      },
      on(device),
    );
    const { sum } = await program.run({
      x: { dtype: "float32", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      index: { dtype: "int32", shape: [3], data: Int32Array.of(2, 0, 2) },
      rows: { dtype: "float32", shape: [3, 2], data: Float32Array.of(10, 10, 20, 20, 30, 30) },
    });
    assert.deepEqual(sum.data, Float32Array.of(21, 22, 3, 4, 45, 46));
    await program.dispose();
  });
}
