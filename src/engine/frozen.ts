import { closeSync, openSync, readSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { bytesPerElement, elementCount, viewElements } from "../tensors";
import { DeviceTensor, keepsTensors, transfers } from "./device-memory";
import { createSession, defaultRecordedDevice, type RecordedDevice } from "./devices";
import { EngineError } from "./errors";
import { encodeModel, type OnnxConstant, type OnnxModel } from "./onnx";
import { executionProviders } from "./providers";
import { recordFunction } from "./recording";
import type { ProgramTensor, ProgramType, Signature, TensorsOf, TensorSpec } from "./tensors";
import { defaultThreads } from "./threads";
import type { Tree } from "./tree";

/** A tensor whose elements lie in a file, little-endian, from `offset` on. */
export interface StoredTensor extends TensorSpec {
  readonly path: string;
  readonly offset: number;
}

export interface FreezeOptions {
  /**
   * Names and marker sizes of dimensions that stay open: the signature is given with the markers, which should be large
   * primes, and each run takes tensors of any size in their place.
   */
  dimensions?: Readonly<Record<string, number>>;
  /**
   * The tensor of an input that becomes part of the program, or undefined for one that stays an input. Asked once for each
   * input that the function uses, by its name (`weights/lm_head.weight`). Those in files must be in one folder.
   */
  constantOf: (name: string) => ProgramTensor | StoredTensor | undefined;
  /**
   * Threads of one operation.
   * @default one for each core
   */
  threads?: number;
  /**
   * Where it runs.
   * @default {@link defaultRecordedDevice}
   */
  device?: RecordedDevice | undefined;
  /**
   * Whether a run's memory is kept for the next one, as suits frequent runs.
   * @default true
   */
  keepMemory?: boolean;
  /**
   * Whether a result stays in the device's memory, where tensors can, as a `DeviceTensor`.
   * @default none does
   */
  keeps?: (output: string) => boolean;
  /** Writes ONNX Runtime's profile of every operation to a file that begins with this. */
  profile?: string | undefined;
}

/**
 * A recorded function that holds its weights. ONNX Runtime lays out constant weights for its matrix products once, when the
 * program is made, instead of at every run: with few rows, as in generation, that is two to three times as fast as weights
 * that are inputs. The layout is a copy: the caller should let go of weights that it gave; those in files are never all in
 * memory beside it.
 */
export class FrozenProgram {
  /** Results that lie on the device. Their memory is the session's, which is released behind the last of them. */
  private living = 0;
  private isDone = false;

  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly inputs: ReadonlySet<string>,
    private readonly device: RecordedDevice,
    /** All results, of a program that keeps some on the device. */
    private readonly results: readonly string[] | undefined,
  ) {}

  /** Records `fn` as `compile` does, with what `constantOf` gives frozen in. */
  static async create<S extends Signature>(
    fn: (inputs: TensorsOf<S>) => Tree<tf.Tensor>,
    signature: S,
    {
      dimensions = {},
      constantOf,
      threads = defaultThreads(),
      device = defaultRecordedDevice(),
      keepMemory = true,
      keeps,
      profile,
    }: FreezeOptions,
  ): Promise<FrozenProgram> {
    const recorded = recordFunction(fn, signature, { dimensions, device }).model;
    const given = recorded.inputs.map(({ name }) => [name, constantOf(name)] as const);
    const frozen = new Map(given.flatMap(([name, tensor]) => (tensor ? [[name, tensor] as const] : [])));
    // ONNX Runtime takes constants from files or from memory under the names of files, not from both at once: the smaller part is
    // read, or goes inside the model, of which there are two copies until the session is made.
    if (memoryBytes(frozen.values()) > storedBytes(frozen.values()))
      for (const [name, tensor] of frozen) if ("path" in tensor) frozen.set(name, readStored(tensor));
    const stored = [...frozen.values()].flatMap((tensor) => ("path" in tensor ? [tensor] : []));
    const folders = new Set(stored.map(({ path }) => dirname(path)));
    if (folders.size > 1)
      throw new EngineError(`constants lie in several folders: ${[...folders].join(", ")}`);
    const inside = stored.length > 0;
    const results = recorded.outputs.map(({ name }) => name);
    const isKeeping = keeps !== undefined && keepsTensors(device);
    const location = (name: string) => (keeps!(name) ? "gpu-buffer" : "cpu");
    const session = await createSession(device, encodeModel(withConstants(recorded, frozen, inside)), {
      executionProviders: executionProviders(device, recorded),
      graphOptimizationLevel: "all",
      enableCpuMemArena: keepMemory,
      ...(device !== "cpu" && { logSeverityLevel: 4 as const }), // what goes wrong is thrown
      externalData: [...frozen].flatMap(([path, tensor]) =>
        "data" in tensor && !inside ? [{ path, data: bytesOf(tensor) }] : [],
      ),
      intraOpNumThreads: threads,
      ...(profile ? { enableProfiling: true, profileFilePrefix: profile } : {}),
      extra: { session: { model_external_initializers_file_folder_path: resolve([...folders][0] ?? ".") } },
      ...(isKeeping && {
        preferredOutputLocation: Object.fromEntries(results.map((name) => [name, location(name)])),
      }),
    });
    const inputs = given.flatMap(([name, tensor]) => (tensor ? [] : [name]));
    return new FrozenProgram(session, new Set(inputs), device, isKeeping ? results : undefined);
  }

  /** Runs the program and returns the outputs named, each in memory of its own, or on the device if it is to stay there. */
  async run<Name extends string>(
    inputs: Readonly<Record<string, ProgramTensor>>,
    outputs: readonly Name[],
  ): Promise<Record<Name, ProgramTensor>> {
    const feeds: Record<string, ort.Tensor> = {};
    for (const name of this.inputs) {
      const tensor = inputs[name];
      if (!tensor) throw new EngineError(`the input ${name} is missing`);
      if (tensor instanceof DeviceTensor) feeds[name] = tensor.there;
      else {
        feeds[name] = asOrt(tensor);
        if (this.device !== "cpu") transfers.given += tensor.data.byteLength;
      }
    }
    // Of a part of the results onnxruntime-node 1.30 takes the places where they shall lie for those of the first ones.
    const results = await this.session.run(feeds, this.results ?? outputs);
    const found: Partial<Record<string, ProgramTensor>> = {};
    for (const [name, result] of Object.entries(results)) {
      const { type, dims } = result;
      const isAsked = (outputs as readonly string[]).includes(name);
      if (result.location === "gpu-buffer") {
        if (isAsked) {
          this.living++;
          found[name] = new DeviceTensor(type as ProgramType, dims, result, this.freed);
        } else result.dispose();
        continue;
      }
      const { data } = result as unknown as ProgramTensor;
      found[name] = { dtype: type, shape: dims, data } as ProgramTensor;
      if (this.device !== "cpu") transfers.fetched += data.byteLength;
    }
    return found as Record<Name, ProgramTensor>;
  }

  /** Frees the program and its weights, once its results on the device are freed. */
  async dispose(): Promise<void> {
    this.isDone = true;
    await this.release();
  }

  private readonly freed = (): void => {
    this.living--;
    void this.release();
  };

  private async release(): Promise<void> {
    if (this.isDone && this.living === 0) await this.session.release();
  }
}

const known = new WeakMap<ProgramTensor, ort.Tensor>();

/** A tensor as ONNX Runtime takes it; the same for the same tensor, so that one which is given at every run is made once. */
function asOrt(tensor: ProgramTensor): ort.Tensor {
  let made = known.get(tensor);
  if (!made) {
    const { dtype, shape, data } = tensor;
    made = new ort.Tensor(dtype as "float32", data as Float32Array, shape);
    known.set(tensor, made);
  }
  return made;
}

/**
 * The model with inputs made constants, which lie in their files or are in memory: `inside` the model, or outside it as if
 * they were files of their names.
 */
function withConstants(
  model: OnnxModel,
  frozen: ReadonlyMap<string, ProgramTensor | StoredTensor>,
  inside: boolean,
): OnnxModel {
  const constants = model.inputs.flatMap(({ name, type }): OnnxConstant[] => {
    const tensor = frozen.get(name);
    if (!tensor) return [];
    const { shape } = tensor;
    if ("data" in tensor && inside) return [{ name, type, shape, bytes: bytesOf(tensor) }];
    const length = sizeOf(tensor);
    const [location, offset] = "path" in tensor ? [basename(tensor.path), tensor.offset] : [name, 0];
    return [{ name, type, shape, external: { location, offset, length } }];
  });
  return {
    ...model,
    inputs: model.inputs.filter(({ name }) => !frozen.has(name)),
    constants: [...model.constants, ...constants],
  };
}

const sizeOf = ({ dtype, shape }: TensorSpec) => bytesPerElement(dtype) * elementCount(shape);
const sizes = (tensors: readonly TensorSpec[]) => tensors.reduce((sum, tensor) => sum + sizeOf(tensor), 0);
const memoryBytes = (tensors: Iterable<TensorSpec>) => sizes([...tensors].filter((one) => !("path" in one)));
const storedBytes = (tensors: Iterable<TensorSpec>) => sizes([...tensors].filter((one) => "path" in one));

/** A tensor of a file, read. */
function readStored(tensor: StoredTensor): ProgramTensor {
  const { dtype, shape, path, offset } = tensor;
  const bytes = new Uint8Array(sizeOf(tensor));
  const descriptor = openSync(path, "r");
  try {
    for (let done = 0; done < bytes.length;) {
      const read = readSync(descriptor, bytes, done, Math.min(bytes.length - done, 1 << 30), offset + done);
      if (read === 0) throw new EngineError(`${path}: ends at byte ${offset + done}, before its tensors do`);
      done += read;
    }
  } finally {
    closeSync(descriptor);
  }
  return { dtype, shape, data: viewElements(dtype, bytes) } as ProgramTensor;
}

const bytesOf = ({ data }: ProgramTensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
