import * as tf from "@tensorflow/tfjs";
import { addRows } from "./add-rows";
import { differentiable } from "./differentiable";

/**
 * Cross-entropy of each row in nats, [rows], of the logits z = x Wᵀ for x [rows, width], W [classes, width] and int32
 * labels [rows] in 0…classes − 1. With smoothing ε the target is 1 − ε on the label plus ε / classes on every class
 * (Szegedy et al., 2016): log Σ exp z − (1 − ε) z[label] − ε mean(z).
 *
 * With P = softmax(z) and T the targets, dx = dy ⊙ (P − T) W and dW = (P − T)ᵀ (dy ⊙ x). T is sparse: T W is rows of W,
 * Tᵀ y adds rows of y to those of the labels. So nothing but the products and the softmax touches all rows × classes.
 */
export function linearCrossEntropy(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  labels: tf.Tensor1D,
  smoothing = 0,
): tf.Tensor1D {
  const classes = weight.shape[0];
  const operation = differentiable(([x, weight, labels]) => {
    const logits = tf.matMul(x!, weight!, false, true);
    const P = tf.softmax(logits);
    const logSum = tf.sub(tf.max(logits, -1), tf.log(tf.max(P, -1)));
    const own = tf.sum(tf.mul(x!, tf.gather(weight!, labels as tf.Tensor1D)), -1);
    return {
      value:
        smoothing === 0
          ? tf.sub(logSum, own)
          : tf.sub(logSum, tf.add(tf.mul(own, 1 - smoothing), tf.mul(tf.mean(logits, -1), smoothing))),
      save: [x!, weight!, labels!, P],
      gradients: (dy, [x, weight, labels, P]) => {
        const own = tf.gather(weight!, labels as tf.Tensor1D);
        const TW =
          smoothing === 0 ? own : tf.add(tf.mul(own, 1 - smoothing), tf.mul(tf.mean(weight!, 0), smoothing));
        const rows = tf.expandDims(dy, 1);
        const dx = tf.mul(rows, tf.sub(tf.matMul(P!, weight!), TW));
        const dyx = tf.mul(rows, x!);
        const Pdyx = tf.matMul(P!, dyx, true) as tf.Tensor2D;
        const spread = smoothing === 0 ? Pdyx : tf.sub(Pdyx, tf.mul(tf.sum(dyx, 0), smoothing / classes));
        const dWeight = addRows(spread as tf.Tensor2D, labels as tf.Tensor1D, tf.mul(dyx, smoothing - 1));
        return [dx, dWeight, tf.zerosLike(labels!)];
      },
    };
  });
  return operation([x, weight, labels]) as tf.Tensor1D;
}

/** The same of given logits [rows, classes]; its gradient for them is dy ⊙ (P − T). */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing = 0): tf.Tensor1D {
  const [, classes] = logits.shape;
  const operation = differentiable(([logits, labels]) => {
    const P = tf.softmax(logits!);
    const T = tf.oneHot(
      labels as tf.Tensor1D,
      classes,
      1 - smoothing + smoothing / classes,
      smoothing / classes,
      "float32",
    );
    const logSum = tf.sub(tf.max(logits!, -1), tf.log(tf.max(P, -1)));
    return {
      value: tf.sub(logSum, tf.sum(tf.mul(logits!, T), -1)),
      save: [P, T, labels!],
      gradients: (dy, [P, T, labels]) => [
        tf.mul(tf.expandDims(dy, 1), tf.sub(P!, T!)),
        tf.zerosLike(labels!),
      ],
    };
  });
  return operation([logits, labels]) as tf.Tensor1D;
}
