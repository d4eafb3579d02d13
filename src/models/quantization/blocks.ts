import * as tf from "@tensorflow/tfjs";
import {
  type BlockForm,
  INT8_BLOCKS,
  matMulQuantized,
  type ProgramTensor,
  quantizeMatrix,
  type TensorSpec,
} from "../../engine";
import { float32Tensor } from "../../tensors";
import { linearLink, type NamedTensors } from "../layers/linear";
import type { QuantizationScheme } from "./scheme";

const parts = (weight: string) => ({
  values: `${weight}.values`,
  scales: `${weight}.scales`,
  minimums: `${weight}.minimums`,
});

/**
 * Blocks of neighbouring weights of a row for generation: activations stay as they are (see `matMulQuantized`, which has no
 * gradient). Of a weight `….q.weight` [out, in] in blocks of `size`: `….q.weight.values`, uint8 [out, ⌈in / size⌉, size · bits / 8];
 * `….q.weight.scales` and, where the form has them, `….q.weight.minimums`, float32 [out, ⌈in / size⌉].
 */
function blocks(name: string, form: BlockForm): QuantizationScheme {
  const { bits, size, minimums = false } = form;
  return {
    name,
    specs(weight, [out, inputs]) {
      const names = parts(weight);
      const count = Math.ceil(inputs! / size);
      const each = { dtype: "float32", shape: [out!, count] } as const;
      const specs: Record<string, TensorSpec> = {
        [names.values]: { dtype: "uint8", shape: [out!, count, (size * bits) / 8] },
        [names.scales]: each,
      };
      if (minimums) specs[names.minimums] = each;
      return specs;
    },
    quantize(weight, { shape, data }) {
      const names = parts(weight);
      const specs = this.specs(weight, shape);
      const rounded = quantizeMatrix(data, shape as [number, number], form);
      const each = specs[names.scales]!.shape;
      const tensors: Record<string, ProgramTensor> = {
        [names.values]: { dtype: "uint8", shape: specs[names.values]!.shape, data: rounded.values },
        [names.scales]: float32Tensor(each, rounded.scales),
      };
      if (rounded.minimums) tensors[names.minimums] = float32Tensor(each, rounded.minimums);
      return tensors;
    },
    link: (parameters) =>
      linearLink((layer) => {
        const names = parts(`${layer}.weight`);
        const [values, scales] = [parameters[names.values], parameters[names.scales]];
        if (!values || !scales) return undefined;
        const least = minimums ? { minimums: parameters[names.minimums]! } : {};
        return (x) => matMulQuantized(x, { values, scales, ...least }, bits);
      }),
  };
}

/** 8 bits, a scale for 128 weights: a quarter of the memory, and about half the time where few rows are multiplied. */
export const int8Blocks = blocks("int8 blocks", INT8_BLOCKS);

/** GGUF's Q8_0: 8 bits, a scale for 32 weights; w = (q − 128) · scale, so that GGUF's signed q are stored 128 higher. */
export const q8_0 = blocks("Q8_0", { bits: 8, size: 32 });

/** GGUF's Q4_0: 4 bits, a scale for 32 weights; w = (q − 8) · scale. */
export const q4_0 = blocks("Q4_0", { bits: 4, size: 32 });

/** GGUF's Q4_1: 4 bits, a scale and a minimum for 32 weights; w = q · scale + minimum. */
export const q4_1 = blocks("Q4_1", { bits: 4, size: 32, minimums: true });

/**
 * Rows `ids` [n] of a weight [out, width] that is among `parameters` in {@link int8Blocks}, [n, width]: an embedding that is
 * the lm_head as well, by operations that browsers have. Undefined for a weight that is not.
 */
export function int8BlockRows(
  parameters: NamedTensors,
  weight: string,
  ids: tf.Tensor1D,
  width: number,
): tf.Tensor2D | undefined {
  const names = parts(weight);
  const [values, scales] = [parameters[names.values], parameters[names.scales]];
  if (!values || !scales) return undefined;
  const codes = tf.sub(tf.cast(tf.gather(values, ids), "float32"), 128);
  const blocks = tf.mul(codes, tf.expandDims(tf.gather(scales, ids), 2));
  const [rows, count, size] = blocks.shape as [number, number, number];
  return tf.slice(tf.reshape(blocks, [rows, count * size]), [0, 0], [rows, width]) as tf.Tensor2D;
}
