import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { withLabelHead } from "../../src/models/label-head";
import type { LabelledBatch } from "../../src/models/language-model";
import { linearChain, linearLink } from "../../src/models/layers/linear";

const states = () => tf.randomNormal([5, 4], 0, 1, "float32", 1) as tf.Tensor2D;
const weight = () => tf.randomNormal([7, 4], 0, 1, "float32", 2) as tf.Tensor2D;
const batch = (): LabelledBatch =>
  ({ labels: tf.tensor2d([[3, 0, 6, 2, -100]], undefined, "int32") }) as unknown as LabelledBatch;

/** A dense head, which is joined with the loss, and one behind a link, which gives logits. */
const heads = {
  dense: () => linearChain({ "lm_head.weight": weight() }),
  linked: () =>
    linearChain(
      {},
      linearLink(() => (x) => tf.matMul(x, weight(), false, true)),
    ),
};

const close = (actual: tf.Tensor, expected: tf.Tensor) =>
  actual.dataSync().forEach((value, i) => {
    const wanted = expected.dataSync()[i]!;
    assert.ok(Math.abs(value - wanted) < 1e-5, `${value} is not ${wanted}`);
  });

describe("a model's head gives what its logits say", () => {
  before(() => tf.setBackend("cpu"));
  for (const [kind, linear] of Object.entries(heads)) {
    for (const temperature of [1, 0.7]) {
      test(`${kind}, temperature ${temperature}`, () => {
        const model = withLabelHead({ states, linear: linear(), head: "lm_head" });
        const logits = tf.div(model.labelLogits(batch()), temperature);
        const rows = (x: tf.Tensor) => tf.slice(x, [0], [4]);
        const logProbabilities = tf.logSoftmax(logits);
        const labels = tf.tensor1d([3, 0, 6, 2, 0], "int32");
        const expected = tf.neg(tf.sum(tf.mul(logProbabilities, tf.oneHot(labels, 7)), 1));
        const predicted = model.labelPredictions(batch(), { temperature });
        close(rows(model.labelLosses(batch(), { temperature })), rows(expected));
        close(rows(predicted.losses), rows(expected));
        close(
          rows(predicted.entropies),
          rows(tf.neg(tf.sum(tf.mul(tf.exp(logProbabilities), logProbabilities), 1))),
        );
        close(rows(predicted.isTop), rows(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32")));
        close(predicted.states, states());
        close(predicted.meanLogits, tf.mean(model.labelLogits(batch()), 1));
        close(model.labelStates(batch()), states());
      });
    }
    test(`${kind}, smoothed`, () => {
      const model = withLabelHead({ states, linear: linear(), head: "lm_head" });
      const logProbabilities = tf.logSoftmax(model.labelLogits(batch()));
      const exact = model.labelLosses(batch());
      const mixed = tf.add(tf.mul(exact, 0.8), tf.mul(tf.neg(tf.mean(logProbabilities, 1)), 0.2));
      close(model.labelLosses(batch(), { smoothing: 0.2 }), mixed);
    });
  }
});
