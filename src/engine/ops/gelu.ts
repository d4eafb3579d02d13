import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";
import { differentiable } from "./differentiable";

const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * LINEAR;

/**
 * GELU in its tanh form, y = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks and Gimpel, 2016), which is x σ(v) for
 * v = 2√(2/π) (x + 0.044715 x³). So dy/dx = σ + σ (1 − σ) x v′, and x v′ = 3v − 4√(2/π) x.
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  const v = (x: tf.Tensor) => tf.mul(x, tf.add(tf.mul(tf.square(x), CUBIC), LINEAR));
  const forward = (x: tf.Tensor) => {
    const graph = recordingGraph();
    if (!graph) return tf.mul(x, tf.sigmoid(v(x)));
    return tensorOf(graph.node("Gelu", [valueOf(x)], valueOf(x), { approximate: "tanh" }));
  };
  const operation = differentiable(([x]) => ({
    value: forward(x!),
    save: [x!],
    gradients: (dy, [x]) => {
      const steep = v(x!);
      const sigma = tf.sigmoid(steep);
      const slope = tf.sub(tf.mul(steep, 3), tf.mul(x!, 2 * LINEAR));
      const bent = tf.mul(tf.mul(sigma, tf.sub(1, sigma)), slope);
      return [tf.mul(dy, tf.add(sigma, bent))];
    },
  }));
  return operation([x]) as T;
}
