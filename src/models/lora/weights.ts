import type { Random } from "../../random";
import type { HostTensor } from "../../tensors";
import type { Adapter } from "./adapter";
import { type LoraConfig, loraScale } from "./config";
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
  config: Pick<LoraConfig, "alpha" | "rank" | "useRslora">,
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
 * layers in place of the base's. The base's own tensors stay as they are.
 */
export function mergeAdapter(
  parameters: ReadonlyMap<string, Float32Tensor>,
  { config, weights, unfrozen }: Pick<Adapter, "config" | "weights" | "unfrozen">,
): Map<string, Float32Tensor> {
  const merged = new Map(parameters);
  for (const [name, tensor] of unfrozen) merged.set(name, tensor);
  for (const [name, tensor] of weights) {
    const module = /^(.*)\.lora_([AB])\.weight$/.exec(name);
    if (!module) merged.set(name, tensor);
    else if (module[2] === "A") {
      const weight = `${module[1]}.weight`;
      const b = weights.get(loraBName(module[1]!))!;
      merged.set(weight, mergedWeight(merged.get(weight)!, tensor, b, config));
    }
  }
  return merged;
}
