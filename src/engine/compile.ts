import type * as tf from "@tensorflow/tfjs";
import { keepsTensors } from "./device-memory";
import { defaultDevice, type DeviceOptions, isRecorded, openDevice } from "./devices";
import { EagerProgram } from "./eager";
import { EngineError } from "./errors";
import { OnnxProgram, type Program, type RunOptions, staysOn } from "./program";
import { recordFunction } from "./recording";
import type { InputsOf, OutputsOf, ProgramTensor, Signature, TensorsOf, TensorSpec } from "./tensors";
import { flatten, mapTree, type Tree } from "./tree";

export interface CompileOptions extends DeviceOptions {
  /**
   * The group of inputs (`frozen`, say) whose arrays never change: a device keeps a copy of each, which all programs share.
   * @default none
   */
  unchanging?: string;
  /**
   * Who makes the masks of dropout: they are `drawn` outside the program and given to it, or `computed` by it from seed and step.
   * The two are not the same masks; each is the same on every device.
   * @default "computed" where tensors can stay on the device (webgpu), otherwise "drawn"
   */
  masks?: "drawn" | "computed" | undefined;
  /**
   * Threads of one operation of a recorded program.
   * @default as many as there are cores
   */
  threads?: number;
  /** Writes ONNX Runtime's profile of every operation to a file that begins with this. */
  profile?: string;
}

/**
 * Makes a TensorFlow.js function ready to run many times on inputs of one signature. It is recorded once
 * as an ONNX graph, gradients included, and run by ONNX Runtime; on a `tfjs-…` device it runs as it is. It must be synchronous, read
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
  const opened = await openDevice(options.device);
  if ("backend" in opened) return new EagerProgram<S, R>(fn, signature, opened.backend);
  const { unchanging, threads, profile } = options;
  const recording = recordFunction(fn, signature, {
    device: opened.recorded,
    computesMasks: computesMasks(options),
    packs: (name) => staysOn(opened.recorded, name, unchanging),
  });
  return OnnxProgram.create(recording, signature, { unchanging, threads, profile });
}

/**
 * A function that is compiled for every combination of shapes and types that it meets, once for each. Programs hold no
 * weights, so that many of them cost little beside what they work with.
 */
export class CompiledFunction<T extends Tree<tf.Tensor>, R extends Tree<tf.Tensor>> {
  private readonly programs = new Map<string, Promise<Program<Signature, R>>>();

  constructor(
    private readonly fn: (inputs: T) => R,
    private readonly options: CompileOptions = {},
  ) {}

  /** How many programs there are. */
  get size(): number {
    return this.programs.size;
  }

  async run(inputs: OutputsOf<T>, options: RunOptions<R> = {}): Promise<OutputsOf<R>> {
    const signature = signatureOf(inputs);
    const key = JSON.stringify(signature);
    let program = this.programs.get(key);
    if (!program) {
      program = compile(this.fn as unknown as (inputs: TensorsOf<Signature>) => R, signature, this.options);
      this.programs.set(key, program);
      program.catch(() => this.programs.delete(key));
    }
    return (await program).run(inputs as unknown as InputsOf<Signature>, options);
  }

  /**
   * The most bytes that values between inputs and results take at one time in ONNX Runtime: the function is recorded, not run.
   */
  peakBytes(inputs: OutputsOf<T>): number {
    const fn = this.fn as unknown as (inputs: TensorsOf<Signature>) => Tree<tf.Tensor>;
    return recordFunction(fn, signatureOf(inputs)).peakBytes();
  }

  /** {@link assertFinite} for these inputs. */
  async assertFinite(inputs: OutputsOf<T>, options: Pick<RunOptions<R>, "noise"> = {}): Promise<void> {
    const fn = this.fn as unknown as (inputs: TensorsOf<Signature>) => R;
    const { masks, device } = this.options;
    const given = { ...options, masks, device };
    await assertFinite(fn, signatureOf(inputs), inputs as unknown as InputsOf<Signature>, given);
  }

  /** Frees all programs. */
  async dispose(): Promise<void> {
    const programs = [...this.programs.values()];
    this.programs.clear();
    await Promise.all(programs.map(async (program) => (await program).dispose()));
  }
}

/** Whether programs of these options compute their masks. */
export function computesMasks({
  masks,
  device = defaultDevice(),
}: Pick<CompileOptions, "masks" | "device">): boolean {
  return masks === undefined ? isRecorded(device) && keepsTensors(device) : masks === "computed";
}

function signatureOf<T extends Tree<tf.Tensor>>(inputs: OutputsOf<T>): Signature {
  return mapTree(inputs as unknown as Tree<ProgramTensor>, ({ dtype, shape }): TensorSpec => ({
    dtype,
    shape,
  }));
}

/**
 * Throws an error if a result is not finite, that says where: the first operation on the way to the results whose own result
 * has an infinite or undefined element, with the place in the function that it came from. Called when a run gave a
 * non-finite loss, with the inputs of that run: the function is recorded and run once more, on ONNX Runtime's cpu.
 */
export async function assertFinite<S extends Signature, R extends Tree<tf.Tensor>>(
  fn: (inputs: TensorsOf<S>) => R,
  signature: S,
  inputs: InputsOf<S>,
  { noise, ...options }: Pick<RunOptions<R>, "noise"> & Pick<CompileOptions, "masks" | "device"> = {},
): Promise<void> {
  for (const [name, { dtype, data }] of flatten(inputs as Tree<ProgramTensor>)) {
    const place =
      dtype === "float32" ? (data as Float32Array).findIndex((value) => !Number.isFinite(value)) : -1;
    if (place >= 0) throw new EngineError(`the input ${name} is ${data[place]} at element ${place}`);
  }
  const recording = recordFunction(fn, signature, { probe: true, computesMasks: computesMasks(options) });
  const program = await OnnxProgram.create<S, Tree<tf.Tensor>>(recording, signature);
  try {
    const probes = flatten((await program.run(inputs, noise ? { noise } : {})) as Tree<ProgramTensor>);
    const first = [...probes].find(([, { data }]) => !Number.isFinite(data[0]));
    if (first) throw new EngineError(`the first result with an element that is not finite is ${first[0]}`);
  } finally {
    await program.dispose();
  }
}
