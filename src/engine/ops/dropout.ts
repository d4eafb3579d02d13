import * as tf from "@tensorflow/tfjs";
import { drawEagerly } from "../eager";
import { thresholdOf } from "../noise";
import { recordingGraph, tensorOf } from "../recorder";

/**
 * Sets a share `rate` of x to zero and divides the rest by what remains (Srivastava et al., 2014). `rate` is taken to
 * the next multiple of 1/256. The draw comes from the noise of the run: the same seed and step draw the same masks on every
 * engine. With rate 0, x itself.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number): T {
  return rate === 0 ? x : (tf.mul(x, dropoutMask(x.shape, rate)) as T);
}

/** A float32 tensor to multiply with: 0 with probability `rate`, else 1 / (1 − rate). */
export function dropoutMask(shape: number[], rate: number): tf.Tensor {
  const threshold = thresholdOf(rate);
  const scale = 256 / (256 - threshold);
  const graph = recordingGraph();
  if (!graph)
    return tf.tensor(
      Float32Array.from(drawEagerly(shape, threshold), (kept) => kept * scale),
      shape,
    );
  const mask = graph.mask(shape, threshold);
  return tensorOf(
    graph.node("DequantizeLinear", [mask, graph.scalar("float32", scale)], { type: "float32", shape }),
  );
}
