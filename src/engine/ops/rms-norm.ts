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
  const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
  const value = graph.node(
    "SimplifiedLayerNormalization",
    [valueOf(x), valueOf(weight)],
    valueOf(x),
    attributes,
  );
  // ONNX Runtime's second result is r on its cpu alone: on webgpu it is the mean of the row. So r is computed from x.
  const rows = { type: "float32", shape: [...x.shape.slice(0, -1), 1] } as const;
  const last = graph.constant("int64", [1], [-1]);
  const squares = tensorOf(graph.node("ReduceSumSquare", [valueOf(x), last], rows, { keepdims: 1 }));
  return [tensorOf(value), tf.rsqrt(tf.add(tf.div(squares, x.shape.at(-1)!), epsilon))];
}
