import type { Random } from "../../random";
import { float32Tensor, type HostTensor } from "../safetensors";
import type { T5Config } from "./config";
import { parameterShapes } from "./parameters";

/**
 * Random first weights of a T5: norms one, everything else normal with the standard deviations of Mesh TensorFlow's T5
 * (Raffel et al., 2020), `q` (dModel · dKv)^-½, the others (inputs)^-½, position biases dModel^-½.
 *
 * The embedding has dModel^-½ as well instead of 1: Adam moves every weight by about the same amount a step, and an
 * embedding of size 1 would hardly move in a run of a few thousand steps. T5 itself was trained by Adafactor, whose
 * steps are relative to a weight's size. An lm_head of its own starts as a copy of the embedding, from where a model
 * soon learns to repeat what it reads.
 */
export function initT5(config: T5Config, random: Random): Map<string, HostTensor<"float32">> {
  const deviation = (name: string, shape: readonly number[]) => {
    if (name.endsWith(".q.weight")) return (config.dModel * config.dKv) ** -0.5;
    if (name.endsWith("relative_attention_bias.weight")) return config.dModel ** -0.5;
    return shape.at(-1)! ** -0.5;
  };
  const parameters = new Map(
    Object.entries(parameterShapes(config)).map(([name, shape]) => {
      const size = shape.reduce((product, length) => product * length, 1);
      const data = new Float32Array(size);
      if (name.endsWith("layer_norm.weight")) data.fill(1);
      else {
        const scale = deviation(name, shape);
        for (let i = 0; i < size; i++) data[i] = random.normal() * scale;
      }
      return [name, float32Tensor(shape, data)];
    }),
  );
  parameters.get("lm_head.weight")?.data.set(parameters.get("shared.weight")!.data);
  return parameters;
}
