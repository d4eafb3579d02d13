import * as tf from "@tensorflow/tfjs";
import { differentiable } from "./differentiable";

/**
 * Root-mean-square norm of each row: y = x / √(mean(x²) + ε) ⊙ weight, x [rows, width], weight [width]
 * (Zhang and Sennrich, 2019). With x̂ = x / √(…), the gradients are
 * dx = (dy ⊙ weight − x̂ · mean(dy ⊙ weight ⊙ x̂)) / √(…) and dweight = Σ rows dy ⊙ x̂.
 */
export function rmsNorm(x: tf.Tensor2D, weight: tf.Tensor, epsilon: number): tf.Tensor2D {
  const norm = differentiable(([x, weight]) => {
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x!), -1, true), epsilon));
    const normed = tf.mul(x!, scale);
    return {
      value: tf.mul(normed, weight!),
      save: [normed, scale, weight!],
      gradients: (dy, [normed, scale, weight]) => {
        const dNormed = tf.mul(dy, weight!);
        const along = tf.mean(tf.mul(dNormed, normed!), -1, true);
        const dx = tf.mul(tf.sub(dNormed, tf.mul(normed!, along)), scale!);
        return [dx, tf.sum(tf.mul(dy, normed!), 0)];
      },
    };
  });
  return norm([x, weight]) as tf.Tensor2D;
}
