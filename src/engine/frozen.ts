import type * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { EngineError } from "./errors";
import { encodeModel, type OnnxModel } from "./onnx";
import { recordFunction } from "./recording";
import type { ProgramTensor, Signature, TensorsOf } from "./tensors";
import type { Tree } from "./tree";

export interface FreezeOptions {
  /**
   * Names and marker sizes of dimensions that stay open: the signature is given with the markers, which should be large
   * primes, and each run takes tensors of any size in their place.
   */
  dimensions?: Readonly<Record<string, number>>;
  /** Inputs that become part of the program, by their names (`weights/lm_head.weight`). */
  constants: ReadonlyMap<string, ProgramTensor>;
  /** Threads of one operation; by default as many as there are cores. */
  threads?: number;
}

/**
 * A recorded function that holds its weights. ONNX Runtime lays out constant weights for its matrix products once, when the
 * program is made, instead of at every run: with few rows, as in generation, that is two to three times as fast as weights
 * that are inputs. The layout is a copy, so the caller should let go of the weights that it gave.
 */
export class FrozenProgram {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly inputs: ReadonlySet<string>,
  ) {}

  /** Records `fn` as `compile` does and freezes what `constants` names. Runs on ONNX Runtime's cpu only. */
  static async create<S extends Signature>(
    fn: (inputs: TensorsOf<S>) => Tree<tf.Tensor>,
    signature: S,
    { dimensions = {}, constants, threads }: FreezeOptions,
  ): Promise<FrozenProgram> {
    const model = withConstants(recordFunction(fn, signature, dimensions).model, constants);
    const session = await ort.InferenceSession.create(encodeModel(model), {
      graphOptimizationLevel: "all",
      externalData: model.constants
        .filter(({ bytes }) => bytes === undefined)
        .map(({ name }) => ({ path: name, data: bytesOf(constants.get(name)!) })),
      ...(threads ? { intraOpNumThreads: threads } : {}),
    });
    return new FrozenProgram(session, new Set(model.inputs.map(({ name }) => name)));
  }

  /** Runs the program and returns the outputs named, each in memory of its own. */
  async run<Name extends string>(
    inputs: Readonly<Record<string, ProgramTensor>>,
    outputs: readonly Name[],
  ): Promise<Record<Name, ProgramTensor>> {
    const feeds: Record<string, ort.Tensor> = {};
    for (const name of this.inputs) {
      const tensor = inputs[name];
      if (!tensor) throw new EngineError(`the input ${name} is missing`);
      feeds[name] = new ort.Tensor(tensor.dtype as "float32", tensor.data as Float32Array, tensor.shape);
    }
    const results = await this.session.run(feeds, outputs);
    return Object.fromEntries(
      outputs.map((name) => {
        const { type, dims, data } = results[name]!;
        return [name, { dtype: type, shape: dims, data } as ProgramTensor];
      }),
    ) as Record<Name, ProgramTensor>;
  }

  /** Frees the program and its weights. */
  async dispose(): Promise<void> {
    await this.session.release();
  }
}

/** The model with the inputs that `constants` names made constants, their bytes left out. */
function withConstants(model: OnnxModel, constants: ReadonlyMap<string, ProgramTensor>): OnnxModel {
  const frozen = model.inputs.filter(({ name }) => constants.has(name));
  return {
    ...model,
    inputs: model.inputs.filter(({ name }) => !constants.has(name)),
    constants: [
      ...model.constants,
      ...frozen.map(({ name, type }) => ({ name, type, shape: constants.get(name)!.shape })),
    ],
  };
}

const bytesOf = ({ data }: ProgramTensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
