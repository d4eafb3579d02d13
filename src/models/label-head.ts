import * as tf from "@tensorflow/tfjs";
import { crossEntropy, linearCrossEntropy, linearPredictions, predictions } from "../engine";
import { type LabelledBatch, labelIndices, type LanguageModel } from "./language-model";
import type { LinearLayers } from "./layers";

/** What a language model is made of, as its labels see it. */
export interface LabelHeadParts {
  /** The hidden states from which a batch's labels are predicted, as the head takes them, [rows, hidden]. */
  readonly states: (batch: LabelledBatch) => tf.Tensor2D;
  readonly linear: LinearLayers;
  /** The name of the layer that makes logits of them. */
  readonly head: string;
}

/**
 * A language model from its hidden states and its head. A dense head is joined with the cross-entropy, so that the logits need no
 * memory of their own.
 */
export function withLabelHead({ states, linear, head }: LabelHeadParts): LanguageModel {
  const cooled = (states: tf.Tensor2D, temperature: number): tf.Tensor2D =>
    temperature === 1 ? states : tf.mul(states, tf.scalar(1 / temperature));
  return {
    labelStates: states,
    labelLogits: (batch) => linear.apply(states(batch), head),
    labelLosses: (batch, { smoothing = 0, temperature = 1 } = {}) => {
      const x = cooled(states(batch), temperature);
      const weight = linear.denseWeight(head);
      const labels = labelIndices(batch);
      return weight
        ? linearCrossEntropy(x, weight, labels, smoothing)
        : crossEntropy(linear.apply(x, head), labels, smoothing);
    },
    labelPredictions: (batch, { temperature = 1 } = {}) => {
      const own = states(batch);
      const x = cooled(own, temperature);
      const weight = linear.denseWeight(head);
      const labels = labelIndices(batch);
      const predicted = weight
        ? linearPredictions(x, weight, labels)
        : predictions(linear.apply(x, head), labels);
      // Of a dense head by one product with the mean of its rows, not by all logits again.
      const meanLogits = weight
        ? tf.sum(tf.mul(own, tf.mean(weight, 0)), 1)
        : tf.mean(linear.apply(own, head), 1);
      return { ...predicted, states: own, meanLogits: meanLogits as tf.Tensor1D };
    },
  };
}
