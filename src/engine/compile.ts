import type * as tf from "@tensorflow/tfjs";
import { EagerProgram } from "./eager";
import { OnnxProgram, type Program } from "./program";
import { recordFunction } from "./recording";
import type { Signature, TensorsOf } from "./tensors";
import type { Tree } from "./tree";
import { chooseEngine, type EngineOptions } from "./engines";

export interface CompileOptions extends EngineOptions {
  /** Threads of one operation on the onnx engine; by default as many as there are cores. */
  threads?: number;
  /** Writes ONNX Runtime's profile of every operation to a file that begins with this. */
  profile?: string;
}

/**
 * Makes a TensorFlow.js function ready to run many times on inputs of one signature. On the onnx engine it is recorded once
 * as an ONNX graph, gradients included, and run by ONNX Runtime; on the others it runs as it is. It must be synchronous, read
 * no values, and return its results by name.
 *
 *     const program = await compile(({ x }) => ({ y: tf.square(x) }), { x: { dtype: "float32", shape: [3] } });
 *     const { y } = await program.run({ x: { dtype: "float32", shape: [3], data: Float32Array.of(1, 2, 3) } });
 */
export async function compile<S extends Signature, R extends Tree<tf.Tensor>>(
  fn: (inputs: TensorsOf<S>) => R,
  signature: S,
  options: CompileOptions = {},
): Promise<Program<S, R>> {
  const choice = await chooseEngine(options);
  if ("backend" in choice) return new EagerProgram<S, R>(fn, signature, choice.backend);
  const { threads, profile } = options;
  return OnnxProgram.create(recordFunction(fn, signature), signature, { ...choice, threads, profile });
}
