import type { ProgramTensor } from "../engine";
import type { LanguageModel, NamedTensors } from "../models";
import { float32Tensor, type HostTensor } from "../tensors";

/** Parameters in ordinary memory, by name. */
export type ParameterMap = Map<string, HostTensor<"float32">>;

/** What is trained, on what it stands, and how it is stored. */
export interface Policy {
  /** What is trained. A trainer updates these arrays in place. */
  readonly trained: ParameterMap;
  /** What is only read. */
  readonly frozen: ReadonlyMap<string, ProgramTensor>;
  /** The model over all parameters, as a TensorFlow.js function; `training` asks for dropout. */
  model(parameters: NamedTensors, training: boolean): LanguageModel;
  /** Whether its model drops out in training. */
  readonly dropsOut?: boolean;
  /** What identifies the model and what is trained of it. */
  readonly fingerprint: unknown;
  /** Writes the trained parameters in the form that users open (an adapter directory, say). */
  write(directory: string): void;
  /** Reads what `write` wrote into the trained parameters. */
  read(directory: string): void;
}

/** As many parameters of the same names and shapes, all zero. */
export function zerosLike(parameters: ParameterMap): ParameterMap {
  return new Map(
    [...parameters].map(([name, { shape, data }]) => [
      name,
      float32Tensor(shape, new Float32Array(data.length)),
    ]),
  );
}
