import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";
import { differentiable } from "./differentiable";

/**
 * Root-mean-square norm of each row: y = r x ⊙ w with r = 1 / √(mean(x²) + ε); x [rows, width], w [width] (Zhang and
 * Sennrich, 2019). With g = dy ⊙ w the gradients are dx = r g − r³ mean(g ⊙ x) x and dw = Σ rows dy ⊙ r x.
 */
export function rmsNorm(x: tf.Tensor2D, weight: tf.Tensor, epsilon: number): tf.Tensor2D {
  const operation = differentiable(([x, weight]) => {
    const [value, scale] = forward(x!, weight!, epsilon);
    return {
      value,
      save: [x!, weight!, scale],
      gradients: (dy, [x, weight, scale]) => {
        const g = tf.mul(dy, weight!);
        const along = tf.mul(tf.mean(tf.mul(g, x!), -1, true), tf.mul(scale!, tf.square(scale!)));
        const dx = tf.sub(tf.mul(g, scale!), tf.mul(x!, along));
        return [dx, tf.sum(tf.mul(dy, tf.mul(x!, scale!)), 0)];
      },
    };
  });
  return operation([x, weight]) as tf.Tensor2D;
}

/** The norm, and r of each row [rows, 1]. */
function forward(x: tf.Tensor, weight: tf.Tensor, epsilon: number): [tf.Tensor, tf.Tensor] {
  const graph = recordingGraph();
  if (!graph) {
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    return [tf.mul(tf.mul(x, scale), weight), scale];
  }
  const input = valueOf(x);
  const scale = { type: "float32", shape: [...x.shape.slice(0, -1), 1] } as const;
  const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
  const results = graph.manyResults(
    "SimplifiedLayerNormalization",
    [input, valueOf(weight)],
    [input, scale],
    attributes,
  );
  return [tensorOf(results[0]!), tensorOf(results[1]!)];
}
