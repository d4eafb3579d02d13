import type * as tf from "@tensorflow/tfjs";
import type { ProgramTensor } from "../../engine";
import { int8Product, int8Weight } from "../../engine/ops";
import { float32Tensor, type HostTensor } from "../../tensors";
import { isLinear } from "../lora/trainable";

const parts = (module: string) => ({
  transposed: { values: `${module}.weight_T.int8`, scales: `${module}.weight_T.scales` },
  straight: { values: `${module}.weight.int8`, scales: `${module}.weight.scales` },
});

/** Queries, keys and the lm_head. */
const EXACT = /(^|\.)(q|k|lm_head)\.weight$/;

/**
 * Frozen parameters with the weights of linear layers in 8 bits (see `int8Product`), apart from those whose rounding costs too
 * much. T5 does not divide q·k by √d, so that its softmax magnifies an error of q or k; and the gradient of the loss goes back
 * through the lm_head from probabilities, most of which are too small for 8 bits beside the largest.
 */
export function toInt8(frozen: ReadonlyMap<string, HostTensor<"float32">>): Map<string, ProgramTensor> {
  const result = new Map<string, ProgramTensor>();
  for (const [name, tensor] of frozen) {
    const { shape, data } = tensor;
    if (!isLinear(name, shape) || EXACT.test(name)) {
      result.set(name, tensor);
      continue;
    }
    const [out, inputs] = shape as readonly [number, number];
    const { transposed, straight } = int8Weight(data, [out, inputs]);
    const names = parts(name.replace(/\.weight$/, ""));
    result.set(names.transposed.values, { dtype: "int8", shape: [inputs, out], data: transposed.values });
    result.set(names.transposed.scales, float32Tensor([out], transposed.scales));
    result.set(names.straight.values, { dtype: "int8", shape: [out, inputs], data: straight.values });
    result.set(names.straight.scales, float32Tensor([inputs], straight.scales));
  }
  return result;
}

/** x Wᵀ for the layer `module` if its weight is among `parameters` in 8 bits. */
export function int8Linear(
  parameters: Readonly<Record<string, tf.Tensor>>,
  x: tf.Tensor2D,
  module: string,
): tf.Tensor2D | undefined {
  const { transposed, straight } = parts(module);
  if (!parameters[transposed.values]) return undefined;
  const matrix = ({ values, scales }: { values: string; scales: string }) => ({
    values: parameters[values]!,
    scales: parameters[scales]!,
  });
  return int8Product(x, { transposed: matrix(transposed), straight: matrix(straight) });
}
