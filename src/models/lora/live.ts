import { copyOn, keepsTensors, placeOn, type ProgramTensor, type RecordedDevice } from "../../engine";
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

/**
 * The tensors of weights that programs are given at every run, by the names of the programs' inputs: those that never change and those
 * of an adapter. On a device that keeps tensors, copies: of the first one for good, of an adapter those of its weights as they are when
 * they are asked for.
 */
export function givenWeights(
  device: RecordedDevice,
  unchanging: Readonly<Record<string, ProgramTensor>>,
  adapter: LiveAdapter | undefined,
  prefix: string,
): () => Promise<Readonly<Record<string, ProgramTensor>>> {
  type Tensors = Readonly<Record<string, ProgramTensor>>;
  const live = Object.fromEntries(
    [...(adapter?.weights ?? [])].map(([name, tensor]) => [prefix + name, tensor] as const),
  );
  if (!keepsTensors(device)) {
    const all = Promise.resolve({ ...unchanging, ...live });
    return () => all;
  }
  const place = async (): Promise<Tensors> => {
    const there: Record<string, ProgramTensor> = {};
    for (const [name, tensor] of Object.entries(unchanging))
      there[name] = (await copyOn(device, tensor)) ?? tensor;
    for (const [name, tensor] of Object.entries(live)) there[name] = await placeOn(device, tensor);
    return there;
  };
  let last: { readonly version: number | undefined; readonly tensors: Promise<Tensors> } | undefined;
  return () => {
    const version = adapter ? adapter.version : 0;
    if (!last || version === undefined || last.version !== version) last = { version, tensors: place() };
    return last.tensors;
  };
}
