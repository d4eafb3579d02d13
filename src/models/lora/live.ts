import type { LiveAdapter } from "../generative";
import type { ProgramWeights } from "../layers";
import { loraLink } from "./linear";

/** Weights of a program of which some are inputs at every run. */
export interface LiveWeights extends ProgramWeights {
  /** Whether a parameter is read at every run. */
  isLive(name: string): boolean;
}

/** A model's weights with a live adapter over them; without one nothing is live. */
export function liveWeights(weights: ProgramWeights, adapter: LiveAdapter | undefined): LiveWeights {
  if (!adapter) return { ...weights, isLive: () => false };
  const live = adapter.weights;
  const specs = [...live].map(([name, { dtype, shape }]) => [name, { dtype, shape }] as const);
  return {
    signature: { ...weights.signature, ...Object.fromEntries(specs) },
    linear: (parameters) =>
      loraLink(parameters, { ...adapter.scaling, dropout: 0 })(weights.linear(parameters)),
    tensorOf: (name) => live.get(name) ?? weights.tensorOf(name),
    locate: (name) => (live.has(name) ? undefined : weights.locate(name)),
    isLive: (name) => live.has(name),
  };
}
