import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";
import { differentiable } from "./differentiable";

/**
 * The gate of SwiGLU (Shazeer, 2020): y = silu(gate) ⊙ up with silu(g) = g σ(g). With s = silu(gate) the gradients are
 * dup = dy ⊙ s and dgate = dy ⊙ up ⊙ (σ + s (1 − σ)).
 */
export function swiglu<T extends tf.Tensor>(gate: T, up: T): T {
  const operation = differentiable(([gate, up]) => ({
    value: tf.mul(silu(gate!), up!),
    save: [gate!, up!],
    gradients: (dy, [gate, up]) => {
      const sigma = tf.sigmoid(gate!);
      const s = tf.mul(gate!, sigma);
      const slope = tf.add(sigma, tf.mul(s, tf.sub(1, sigma)));
      return [tf.mul(tf.mul(dy, up!), slope), tf.mul(dy, s)];
    },
  }));
  return operation([gate, up]) as T;
}

function silu(x: tf.Tensor): tf.Tensor {
  const graph = recordingGraph();
  if (!graph) return tf.mul(x, tf.sigmoid(x));
  const value = valueOf(x);
  return tensorOf(graph.node("QuickGelu", [value], value, { alpha: { float: 1 } }, "com.microsoft"));
}
