import type { GenerativeModel, GeneratorOptions, LiveAdapter, Model } from "../../models";
import type { LoraPolicy } from "../policies/lora";

/** The adapter that a training changes, as a generator reads it at every step. */
export function liveAdapter(policy: Pick<LoraPolicy, "adapter">): LiveAdapter {
  const { config, weights, unfrozen } = policy.adapter();
  return { scaling: config, weights: new Map([...weights, ...unfrozen]) };
}

/**
 * A model that generates as a policy is at each moment: its adapter is an input of programs that are made once, so nothing is
 * compiled or loaded again however often it changes.
 */
export function liveGenerator(
  model: Model,
  policy: Pick<LoraPolicy, "adapter">,
  options: Omit<GeneratorOptions, "adapter"> = {},
): Promise<GenerativeModel> {
  return model.architecture.createGenerator(model, { ...options, adapter: liveAdapter(policy) });
}
