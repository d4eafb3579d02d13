import * as tf from "@tensorflow/tfjs";
import { onBackend } from "./devices";
import { EngineError } from "./errors";
import { drawMask, type Noise } from "./noise";
import type { Program, RunOptions } from "./program";
import {
  checkInputs,
  type InputsOf,
  type OutputsOf,
  type ProgramTensor,
  type Signature,
  type TensorsOf,
} from "./tensors";
import { flatten, mapTree, type Tree } from "./tree";

let drawing: { noise: Noise; next: number } | undefined;

/** Runs TensorFlow.js code whose dropout draws from `noise`. */
export function withNoise<T>(noise: Noise, body: () => T): T {
  const outer = drawing;
  drawing = { noise, next: 0 };
  try {
    return body();
  } finally {
    drawing = outer;
  }
}

/** The next mask of the run that {@link withNoise} began. */
export function drawEagerly(shape: number[], threshold: number): Uint8Array {
  if (!drawing)
    throw new EngineError("dropout needs noise to draw from: pass `noise` to run(), or use withNoise()");
  return drawMask(drawing.noise, { index: drawing.next++, size: tf.util.sizeFromShape(shape), threshold });
}

/** Runs a function on the TensorFlow.js backend `backend` at every run, from and to ordinary memory. */
export class EagerProgram<S extends Signature, R extends Tree<tf.Tensor>> implements Program<S, R> {
  constructor(
    private readonly fn: (inputs: TensorsOf<S>) => R,
    private readonly signature: S,
    private readonly backend: string,
  ) {}

  async run(inputs: InputsOf<S>, { noise, into = {} }: RunOptions<R> = {}): Promise<OutputsOf<R>> {
    checkInputs(flatten(this.signature), inputs as Tree<ProgramTensor>);
    return onBackend(this.backend, async () => {
      const outputs = tf.tidy(() => {
        const tensors = mapTree(inputs as Tree<ProgramTensor>, ({ dtype, shape, data }) =>
          tf.tensor(
            (data instanceof Int8Array ? Int32Array.from(data) : data) as Float32Array,
            [...shape],
            dtype === "float32" || dtype === "bool" ? dtype : "int32",
          ),
        );
        const body = () => this.fn(tensors as TensorsOf<S>);
        return (noise ? withNoise(noise, body) : body()) as Tree<tf.Tensor> as tf.TensorContainerObject;
      }) as Tree<tf.Tensor>;
      const targets = flatten(into as Tree<ProgramTensor>);
      const results = new Map<string, ProgramTensor>();
      const tensors = flatten(outputs);
      for (const [path, tensor] of tensors) {
        const data = (await tensor.data()) as Float32Array;
        const result: ProgramTensor = { dtype: tensor.dtype as "float32", shape: tensor.shape, data };
        const target = targets.get(path);
        if (target) {
          checkInputs(new Map([[path, result]]), { [path]: target });
          (target.data as Float32Array).set(data);
        }
        results.set(path, target ?? result);
      }
      // One tensor may stand under several names.
      for (const tensor of new Set(tensors.values())) tensor.dispose();
      return mapTree(outputs, (_tensor, path) => results.get(path)!) as OutputsOf<R>;
    });
  }

  async dispose(): Promise<void> {}
}
