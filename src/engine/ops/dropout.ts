import * as tf from "@tensorflow/tfjs";
import { computedMask } from "../computed-noise";
import { drawEagerly } from "../eager";
import type { Value } from "../graph";
import { thresholdOf } from "../noise";
import { recordingGraph, tensorOf, valueOf } from "../recorder";
import { after } from "./after";

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
  if (!graph) {
    const drawn = drawnOrKept(() => drawEagerly(shape, threshold)) as Uint8Array;
    return tf.tensor(
      Float32Array.from(drawn, (kept) => kept * scale),
      shape,
    );
  }
  const mask = drawnOrKept(() =>
    graph.computesMasks ? computedMask(graph, shape, threshold) : graph.mask(shape, threshold),
  ) as Value;
  const factor = repeated ? valueOf(after(tf.scalar(scale), repeated.dy)) : graph.scalar("float32", scale);
  if (mask.type === "bool")
    return tensorOf(
      graph.node("Where", [mask, factor, graph.scalar("float32", 0)], { type: "float32", shape }),
    );
  return tensorOf(graph.node("DequantizeLinear", [mask, factor], { type: "float32", shape }));
}

/** The masks that a function drew, 1 or 0 an element, in order. */
export type KeptMasks = (Value | Uint8Array)[];

let kept: KeptMasks | undefined;
let repeated: { readonly masks: KeptMasks; next: number; readonly dy: tf.Tensor } | undefined;

/** Runs `body` and puts the masks that it draws into `masks`. */
export function keepMasks<T>(masks: KeptMasks, body: () => T): T {
  const outer = kept;
  kept = masks;
  masks.length = 0;
  try {
    return body();
  } finally {
    kept = outer;
    outer?.push(...masks);
  }
}

/** Runs `body` with kept masks instead of new ones; a recorded program unpacks them again, once `dy` is there. */
export function repeatMasks<T>(masks: KeptMasks, dy: tf.Tensor, body: () => T): T {
  const outer = repeated;
  repeated = { masks, next: 0, dy };
  try {
    return body();
  } finally {
    repeated = outer;
  }
}

function drawnOrKept(draw: () => Value | Uint8Array): Value | Uint8Array {
  const mask = repeated ? repeated.masks[repeated.next++]! : draw();
  kept?.push(mask);
  return mask;
}
