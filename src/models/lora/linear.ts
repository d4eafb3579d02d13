import * as tf from "@tensorflow/tfjs";
import { dropout } from "../../engine";
import { linearLink, type LinearLink, type NamedTensors } from "../layers";
import { type LoraConfig, loraScale } from "./config";
import { loraAName, loraBName } from "./trainable";

/**
 * The link of a chain of linear layers that adds an adapter to the layers which have an A among `parameters`:
 *
 *                 ┌────────── the layer below: W [out, in] ─────────┐
 *     x [rows, in]┤                                                 (+) y [rows, out]
 *                 └─ dropout ─ A [r, in] ─ rank r ─ B [out, r] ─ ·s ┘
 *
 * y = x Wᵀ + s · (dropout(x) Aᵀ) Bᵀ. Layers that read the same x (q, k and v; wi_0 and wi_1; k and v of every cross-attention)
 * share its draw of dropout, where PEFT draws for each: every layer by itself sees the same noise, and x is masked once.
 */
export function loraLink(
  parameters: NamedTensors,
  config: Pick<LoraConfig, "alpha" | "rank" | "useRslora" | "dropout">,
): LinearLink {
  const scale = loraScale(config);
  const dropped = new Map<tf.Tensor2D, tf.Tensor2D>();
  const dropOnce = (x: tf.Tensor2D) => {
    if (!dropped.has(x)) dropped.set(x, dropout(x, config.dropout));
    return dropped.get(x)!;
  };
  return linearLink((name, next) => {
    const a = parameters[loraAName(name)] as tf.Tensor2D | undefined;
    if (!a) return undefined;
    return (x) => {
      const base = next.apply(x, name);
      const inner = tf.mul(tf.matMul(dropOnce(x), a, false, true), scale) as tf.Tensor2D;
      const update = tf.matMul(inner, parameters[loraBName(name)] as tf.Tensor2D, false, true);
      return tf.add(base, update) as tf.Tensor2D;
    };
  });
}
