import type { Random } from "../../random";
import { float32Tensor, type HostTensor } from "../../tensors";
import type { LlamaConfig } from "./config";
import { parameterShapes } from "./parameters";

/**
 * Random first weights of a Llama that is to be pretrained: normal with the config's spread; what a block adds to a token is made
 * smaller by the number of sub-layers that add to it, as in GPT-2 (Radford et al., 2019, §2.3). Norms begin at 1, biases at 0.
 */
export function initLlama(config: LlamaConfig, random: Random): Map<string, HostTensor<"float32">> {
  const { initializerRange: spread, numLayers } = config;
  const hushed = spread / Math.sqrt(2 * numLayers);
  return new Map(
    Object.entries(parameterShapes(config)).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      if (name.endsWith("norm.weight")) data.fill(1);
      else if (!name.endsWith(".bias")) {
        const size = /\.(o_proj|down_proj)\.weight$/.test(name) ? hushed : spread;
        for (let i = 0; i < data.length; i++) data[i] = random.normal() * size;
      }
      return [name, float32Tensor(shape, data)];
    }),
  );
}
