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
  /**
   * The tensor of an input that becomes part of the program, or undefined for one that stays an input. Asked once for each
   * input that the function uses, by its name (`weights/lm_head.weight`).
   */
  constantOf: (name: string) => ProgramTensor | undefined;
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

  /** Records `fn` as `compile` does, with what `constantOf` gives frozen in. Runs on ONNX Runtime's cpu only. */
  static async create<S extends Signature>(
    fn: (inputs: TensorsOf<S>) => Tree<tf.Tensor>,
    signature: S,
    { dimensions = {}, constantOf, threads }: FreezeOptions,
  ): Promise<FrozenProgram> {
    const recorded = recordFunction(fn, signature, { dimensions }).model;
    const given = recorded.inputs.map(({ name }) => [name, constantOf(name)] as const);
    const frozen = new Map(given.flatMap(([name, tensor]) => (tensor ? [[name, tensor] as const] : [])));
    const model = withConstants(recorded, frozen);
    const session = await ort.InferenceSession.create(encodeModel(model), {
      graphOptimizationLevel: "all",
      externalData: [...frozen].map(([path, tensor]) => ({ path, data: bytesOf(tensor) })),
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

/** The model with inputs made constants, whose bytes the session is given. */
function withConstants(model: OnnxModel, frozen: ReadonlyMap<string, ProgramTensor>): OnnxModel {
  const isFrozen = ({ name }: { name: string }) => frozen.has(name);
  return {
    ...model,
    inputs: model.inputs.filter((input) => !isFrozen(input)),
    constants: [
      ...model.constants,
      ...model.inputs
        .filter(isFrozen)
        .map(({ name, type }) => ({ name, type, shape: frozen.get(name)!.shape })),
    ],
  };
}

const bytesOf = ({ data }: ProgramTensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
