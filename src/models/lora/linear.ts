import * as tf from "@tensorflow/tfjs";
import { dropout } from "../../engine/ops";
import { type LoraConfig, loraScale } from "./config";
import { int8Linear } from "../quantization/int8";
import { loraAName, loraBName } from "./trainable";

/**
 * How a model's linear layers are applied under an adapter, for the `linear` hook of a T5:
 *
 *                 ┌────────────── W [out, in], frozen ──────────────┐
 *     x [rows, in]┤                                                 (+) y [rows, out]
 *                 └─ dropout ─ A [r, in] ─ rank r ─ B [out, r] ─ ·s ┘
 *
 * y = x Wᵀ + s · (dropout(x) Aᵀ) Bᵀ. Layers without an A among `parameters` are left to the model, unless
 * their frozen weight is in 8 bits (see {@link toInt8}). Layers that read the same x
 * (q, k and v; wi_0 and wi_1; k and v of every cross-attention) share its draw of dropout, where PEFT draws for each: every
 * layer by itself sees the same noise, and x is masked once.
 */
export function loraLinear(
  parameters: Readonly<Record<string, tf.Tensor>>,
  config: Pick<LoraConfig, "alpha" | "rank" | "useRslora" | "dropout">,
): (x: tf.Tensor2D, name: string) => tf.Tensor2D | undefined {
  const scale = loraScale(config);
  const dropped = new Map<tf.Tensor2D, tf.Tensor2D>();
  const dropOnce = (x: tf.Tensor2D) => {
    if (!dropped.has(x)) dropped.set(x, dropout(x, config.dropout));
    return dropped.get(x)!;
  };
  return (x, name) => {
    const a = parameters[loraAName(name)] as tf.Tensor2D | undefined;
    const rounded = int8Linear(parameters, x, name);
    if (!a) return rounded;
    const base: tf.Tensor2D =
      rounded ?? tf.matMul(x, parameters[`${name}.weight`] as tf.Tensor2D, false, true);
    const inner = tf.mul(tf.matMul(dropOnce(x), a, false, true), scale) as tf.Tensor2D;
    const update = tf.matMul(inner, parameters[loraBName(name)] as tf.Tensor2D, false, true);
    return tf.add(base, update) as tf.Tensor2D;
  };
}
