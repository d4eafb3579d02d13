import {
  type BlockForm,
  INT8_BLOCKS,
  gatherQuantized,
  matMulQuantized,
  type ProgramTensor,
  quantizeMatrix,
  type TensorSpec,
} from "../../engine";
import { float32Tensor } from "../../tensors";
import { linearLink } from "../layers/linear";
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
    link(parameters) {
      const matrix = (layer: string) => {
        const names = parts(`${layer}.weight`);
        const [values, scales] = [parameters[names.values], parameters[names.scales]];
        if (!values || !scales) return undefined;
        return { values, scales, ...(minimums && { minimums: parameters[names.minimums]! }) };
      };
      return linearLink(
        (layer) => {
          const found = matrix(layer);
          return found && ((x) => matMulQuantized(x, found, bits));
        },
        (layer) => {
          const found = matrix(layer);
          return found && ((ids, width) => gatherQuantized(ids, found, width, bits));
        },
      );
    },
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
