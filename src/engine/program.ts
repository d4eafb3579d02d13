import type * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { keyOf } from "./computed-noise";
import { copyOn, DeviceTensor, keepsTensors, transfers } from "./device-memory";
import { createSession, type RecordedDevice } from "./devices";
import { EngineError } from "./errors";
import { NOISE_KEY } from "./graph";
import { drawMasks, holdMaskMemory, releaseMaskMemory } from "./mask-memory";
import type { Noise } from "./noise";
import { encodeModel } from "./onnx";
import { executionProviders } from "./providers";
import type { Recording } from "./recording";
import {
  checkInputs,
  type InputsOf,
  type OutputsOf,
  type ProgramTensor,
  type Signature,
  type TensorSpec,
} from "./tensors";
import { defaultThreads } from "./threads";
import { flatten, mapTree, type Tree } from "./tree";

export interface RunOptions<R> {
  /** Where dropout draws from; needed by a function that has dropout. */
  noise?: Noise;
  /** Tensors that results are written into, by the names of the results; the others get memory of their own. */
  into?: Partial<OutputsOf<R>>;
}

/** A function made ready to run many times on inputs of one signature. */
export interface Program<S, R> {
  run(inputs: InputsOf<S>, options?: RunOptions<R>): Promise<OutputsOf<R>>;
  /** Frees what the program holds. */
  dispose(): Promise<void>;
}

/** How ONNX Runtime shall run a program. */
export interface SessionOptions {
  /**
   * The group of inputs whose arrays never change, and may be kept on a device from run to run.
   * @default none
   */
  unchanging?: string | undefined;
  /**
   * Threads of one operation.
   * @default {@link defaultThreads}
   */
  threads?: number | undefined;
  /** Writes a profile of every operation to a file that begins with this. */
  profile?: string | undefined;
}

/** Whether a device keeps an input from run to run, where those of a group never change. */
export const staysOn = (device: RecordedDevice, name: string, unchanging: string | undefined): boolean =>
  unchanging !== undefined && name.startsWith(`${unchanging}/`) && keepsTensors(device);

/** A recorded function in ONNX Runtime. Its inputs are read where they lie: programs share weights by being given the same. */
export class OnnxProgram<S extends Signature, R extends Tree<tf.Tensor>> implements Program<S, R> {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly recording: Recording,
    private readonly signature: ReadonlyMap<string, TensorSpec>,
    private readonly unchanging: string | undefined,
  ) {}

  static async create<S extends Signature, R extends Tree<tf.Tensor>>(
    recording: Recording,
    signature: S,
    { unchanging, threads = defaultThreads(), profile }: SessionOptions = {},
  ): Promise<OnnxProgram<S, R>> {
    const session = await createSession(recording.device, encodeModel(recording.model), {
      executionProviders: executionProviders(recording.device, recording.model),
      graphOptimizationLevel: "all",
      enableCpuMemArena: false, // each program would keep its largest run's memory; the heap serves all of them
      enableMemPattern: false, // a plan for all tensors at once takes half as much memory again, and no less time
      logSeverityLevel: 4, // what goes wrong is thrown
      intraOpNumThreads: threads,
      ...(profile ? { enableProfiling: true, profileFilePrefix: profile } : {}),
    });
    if (recording.masks.size > 0) holdMaskMemory();
    return new OnnxProgram<S, R>(session, recording, flatten(signature as Tree<TensorSpec>), unchanging);
  }

  async run(inputs: InputsOf<S>, { noise, into = {} }: RunOptions<R> = {}): Promise<OutputsOf<R>> {
    const { device, masks, model, outputs } = this.recording;
    const given = checkInputs(this.signature, inputs as Tree<ProgramTensor>);
    const needsNoise = masks.size > 0 || model.inputs.some(({ name }) => name === NOISE_KEY);
    if (needsNoise && !noise) throw new EngineError("the program has dropout: pass `noise` to run()");
    const drawn = noise && drawMasks(noise, masks);
    const feeds: Record<string, ort.Tensor> = {};
    for (const { name, type, shape } of model.inputs) {
      const mask = name === NOISE_KEY ? keyOf(noise!) : drawn?.masks.get(name);
      const there = mask || device === "cpu" ? undefined : await this.onDevice(name, given.get(name)!);
      const data = there ? undefined : (mask ?? given.get(name)!.data);
      feeds[name] =
        there?.there ?? new ort.Tensor(type as "float32", data as Float32Array, shape as number[]);
      if (data && device !== "cpu") transfers.given += data.byteLength;
    }
    const targets = flatten(into as Tree<ProgramTensor>);
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const [name, { dtype, shape }] of flatten(outputs)) {
      const target = targets.get(name);
      if (target) checkInputs(new Map([[name, { dtype, shape }]]), { [name]: target });
      fetches[name] =
        target instanceof DeviceTensor
          ? target.there
          : target
            ? new ort.Tensor(dtype as "float32", target.data as Float32Array, shape)
            : null;
    }
    const results = await this.session.run(feeds, fetches);
    drawn?.giveBack();
    return mapTree(outputs, ({ dtype, shape }, path) => {
      const target = targets.get(path);
      const result = target ?? { dtype, shape, data: results[path]!.data as Float32Array };
      if (device !== "cpu" && !(target instanceof DeviceTensor)) transfers.fetched += result.data.byteLength;
      return result;
    }) as OutputsOf<R>;
  }

  /** An input as it lies on the program's device, if it does. */
  private async onDevice(name: string, tensor: ProgramTensor): Promise<DeviceTensor | undefined> {
    if (tensor instanceof DeviceTensor) return tensor;
    const { device } = this.recording;
    return staysOn(device, name, this.unchanging) ? copyOn(device, tensor) : undefined;
  }

  async dispose(): Promise<void> {
    if (this.recording.masks.size > 0) releaseMaskMemory();
    await this.session.release();
  }
}
