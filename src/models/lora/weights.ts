import type { Random } from "../../random";
import type { HostTensor } from "../../tensors";
import type { ParameterSource } from "../layers";
import type { Adapter } from "./adapter";
import { loraScale, type LoraScaling } from "./config";
import { loraAName, loraBName, type LoraTarget } from "./trainable";

type Float32Tensor = HostTensor<"float32">;

/**
 * Fresh adapter weights as PEFT makes them: A uniform in ±1/√in (Kaiming-uniform with a = √5), B zero, so that the
 * adapted model starts out equal to its base.
 */
export function initLora(
  targets: readonly LoraTarget[],
  rank: number,
  random: Random,
): Map<string, Float32Tensor> {
  const weights = new Map<string, Float32Tensor>();
  for (const { module, inFeatures, outFeatures } of targets) {
    const bound = 1 / Math.sqrt(inFeatures);
    const a = Float32Array.from({ length: rank * inFeatures }, () => (2 * random.uniform() - 1) * bound);
    weights.set(loraAName(module), { dtype: "float32", shape: [rank, inFeatures], data: a });
    weights.set(loraBName(module), {
      dtype: "float32",
      shape: [outFeatures, rank],
      data: new Float32Array(outFeatures * rank),
    });
  }
  return weights;
}

/**
 * W + s·B·A, in double precision and rounded once. Returns a new tensor: the base weight stays as it is, so taking
 * an adapter off again is exact.
 */
export function mergedWeight(
  weight: Float32Tensor,
  a: Float32Tensor,
  b: Float32Tensor,
  config: LoraScaling,
): Float32Tensor {
  const [out, inputs] = weight.shape as readonly [number, number];
  const [rank] = a.shape as readonly [number];
  const scale = loraScale(config);
  const data = new Float32Array(out * inputs);
  const row = new Float64Array(inputs);
  for (let o = 0; o < out; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b.data[o * rank + r]!;
      if (factor === 0) continue;
      for (let i = 0; i < inputs; i++) row[i]! += factor * a.data[r * inputs + i]!;
    }
    for (let i = 0; i < inputs; i++) data[o * inputs + i] = weight.data[o * inputs + i]! + scale * row[i]!;
  }
  return { dtype: "float32", shape: weight.shape, data };
}

/**
 * The parameters of a model with an adapter merged into it: W + s·B·A for every target, modules saved whole and unfrozen
 * layers in place of the base's. Each is read and merged when asked for; the base's own tensors stay as they are.
 */
export function mergeAdapter(
  parameters: ParameterSource,
  { config, weights, unfrozen }: Pick<Adapter, "config" | "weights" | "unfrozen">,
): ParameterSource {
  const replaced = (name: string) => weights.get(name) ?? unfrozen.get(name);
  const loraOf = (name: string) => {
    const module = name.replace(/\.weight$/, "");
    const [a, b] = [weights.get(loraAName(module)), weights.get(loraBName(module))];
    return a && b && { a, b };
  };
  return {
    get(name) {
      const tensor = replaced(name) ?? parameters.get(name);
      const lora = loraOf(name);
      return tensor && lora ? mergedWeight(tensor, lora.a, lora.b, config) : tensor;
    },
    locate: (name) => (replaced(name) || loraOf(name) ? undefined : parameters.locate?.(name)),
  };
}
