import { int8Product, int8Weight } from "../../engine";
import { float32Tensor } from "../../tensors";
import { linearLink } from "../layers/linear";
import type { QuantizationScheme } from "./scheme";

/** The tensors of a weight W: Wᵀ and W, each with the scale of every column of its product. */
const parts = (weight: string) => ({
  transposed: { values: `${weight}_T.int8`, scales: `${weight}_T.scales` },
  straight: { values: `${weight}.int8`, scales: `${weight}.scales` },
});

/**
 * 8 bits for training: weights, activations and gradients are rounded and multiplied as integers (see `int8Product`). W is
 * kept twice, for x Wᵀ and for dy W.
 */
export const int8: QuantizationScheme = {
  name: "int8",
  specs(weight, [out, inputs]) {
    const { transposed, straight } = parts(weight);
    return {
      [transposed.values]: { dtype: "int8", shape: [inputs!, out!] },
      [transposed.scales]: { dtype: "float32", shape: [out!] },
      [straight.values]: { dtype: "int8", shape: [out!, inputs!] },
      [straight.scales]: { dtype: "float32", shape: [inputs!] },
    };
  },
  quantize(weight, { shape, data }) {
    const [out, inputs] = shape as readonly [number, number];
    const { transposed, straight } = int8Weight(data, [out, inputs]);
    const names = parts(weight);
    return {
      [names.transposed.values]: { dtype: "int8", shape: [inputs, out], data: transposed.values },
      [names.transposed.scales]: float32Tensor([out], transposed.scales),
      [names.straight.values]: { dtype: "int8", shape: [out, inputs], data: straight.values },
      [names.straight.scales]: float32Tensor([inputs], straight.scales),
    };
  },
  link: (parameters) =>
    linearLink((layer) => {
      const { transposed, straight } = parts(`${layer}.weight`);
      if (!parameters[transposed.values]) return undefined;
      const matrix = ({ values, scales }: { values: string; scales: string }) => ({
        values: parameters[values]!,
        scales: parameters[scales]!,
      });
      return (x) => int8Product(x, { transposed: matrix(transposed), straight: matrix(straight) });
    }),
};
