import * as tf from "@tensorflow/tfjs";
import { callSite, EngineError, withDeepStacks } from "./errors";
import type { Graph, Value } from "./graph";
import type { ElementType } from "./onnx";

/** The name under which the recording kernels are registered. */
const BACKEND = "onnx-recorder";

/** The attributes of a TensorFlow.js kernel call; each kernel knows its own. */
export type Attributes = Record<string, unknown>;

/** How a TensorFlow.js kernel is said in ONNX operations. */
export type Kernel = (graph: Graph, inputs: Record<string, Value>, attributes: Attributes) => Value | Value[];

interface Entry {
  references: number;
  value?: Value;
  constant?: { data: ArrayLike<number>; type: ElementType; shape: readonly number[] };
}

/**
 * A TensorFlow.js backend that computes nothing: its tensors stand for values of a graph, and its kernels append
 * operations to it. A tensor made from numbers, or on another backend, becomes a constant of the graph when used.
 */
class Recorder extends tf.KernelBackend {
  private readonly entries = new Map<tf.DataId, Entry>();

  constructor(readonly graph: Graph) {
    super();
  }

  /** The graph's value for a tensor. */
  toValue({ dataId, shape, dtype }: tf.TensorInfo): Value {
    let entry = this.entries.get(dataId);
    if (!entry) {
      const data = tf.engine().readSync(dataId) as ArrayLike<number>;
      entry = { references: 1, constant: { data, type: dtype as ElementType, shape } };
    }
    entry.value ??= this.constant(entry.constant!);
    return entry.value;
  }

  private constant({ type, shape, data }: NonNullable<Entry["constant"]>): Value {
    const uniform = data.length > 1 && Array.prototype.every.call(data, (element) => element === data[0]);
    return uniform
      ? this.graph.expand(this.graph.scalar(type, data[0]!), shape)
      : this.graph.constant(type, shape, data);
  }

  /** A tensor for a value. TensorFlow.js has no 8-bit integers: such a value poses as int32. */
  tensorInfo(value: Value): tf.TensorInfo {
    const dataId = {};
    this.entries.set(dataId, { references: 1, value });
    const dtype = value.type === "float32" || value.type === "bool" ? value.type : "int32";
    return { dataId, shape: [...value.shape], dtype };
  }

  override write(data: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
      throw new EngineError(`a ${dtype} tensor cannot be recorded: use float32, int32 or bool`);
    }
    const dataId = {};
    this.entries.set(dataId, {
      references: 1,
      constant: { data: data as ArrayLike<number>, type: dtype, shape },
    });
    return dataId;
  }

  override readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    const entry = this.entries.get(dataId);
    if (entry?.constant) return entry.constant.data as tf.backend_util.BackendValues;
    throw new EngineError(
      `the value of a tensor was read (dataSync(), data(), print()…) while a program was recorded, when it has none yet` +
        callSite(),
    );
  }

  override read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override refCount(dataId: tf.DataId): number {
    return this.entries.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: tf.DataId): void {
    const entry = this.entries.get(dataId);
    if (entry) entry.references++;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const entry = this.entries.get(dataId);
    if (entry && --entry.references > 0 && !force) return false;
    this.entries.delete(dataId);
    return true;
  }

  override numDataIds(): number {
    return this.entries.size;
  }

  override memory() {
    return { unreliable: true, reasons: ["tensors of a recording hold no data"] };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}

/** The fields of TensorFlow.js' engine that say which backend is in use. */
interface EngineState {
  backendName: string | null;
  backendInstance: tf.KernelBackend | null;
  state: { activeTape?: { saved?: tf.Tensor[] }[] | null; gradientDepth: number };
}

let current: Recorder | undefined;

/** The graph that is being recorded, if any. */
export const recordingGraph = (): Graph | undefined => current?.graph;

/** The value of a tensor in the graph that is being recorded. */
export const valueOf = (tensor: tf.Tensor): Value => current!.toValue(tensor);

/** A tensor for a value of the graph that is being recorded. */
export const tensorOf = (value: Value): tf.Tensor =>
  tf.engine().makeTensorFromTensorInfo(current!.tensorInfo(value));

/**
 * Runs `body` with every TensorFlow.js operation appended to `graph` instead of computed. Afterwards, also when it throws,
 * TensorFlow.js is on the backend where it was and holds no tensor more.
 */
export function record<T>(graph: Graph, body: () => T): T {
  if (current) throw new EngineError("a program cannot be compiled while another one is being recorded");
  const engine = tf.engine() as unknown as EngineState;
  if (engine.state.gradientDepth > 0) throw new EngineError("a program cannot be compiled inside tf.grads()");
  const { backendName, backendInstance } = engine;
  const { random } = Math;
  coverUnmappedKernels();
  current = new Recorder(graph);
  engine.backendName = BACKEND;
  engine.backendInstance = current;
  Math.random = () => {
    throw new EngineError(
      "Math.random() was called while a program was recorded: the draw would be the same at every run. Take noise " +
        `from dropout(), or pass it as an input${callSite()}`,
    );
  };
  let result: T | undefined;
  try {
    withDeepStacks(() =>
      tf.tidy(() => {
        result = body();
      }),
    );
    return result as T;
  } catch (error) {
    if (error instanceof EngineError || !(error instanceof Error)) throw error;
    throw new EngineError(`${error.message}${callSite(error)}`, { cause: error });
  } finally {
    for (const { saved } of engine.state.activeTape ?? []) saved?.forEach((tensor) => tensor.dispose());
    engine.state.activeTape = null;
    Math.random = random;
    engine.backendName = backendName;
    engine.backendInstance = backendInstance;
    current = undefined;
  }
}

const mapped = new Set<string>();

/** The TensorFlow.js kernels that can be recorded. */
export const recordableKernels = (): string[] => [...mapped].sort();

/** Registers how kernels are said in ONNX. */
export function registerKernels(kernels: Record<string, Kernel>): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    mapped.add(kernelName);
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const recorder = backend as Recorder;
        const values = Object.entries(inputs)
          .filter(([, info]) => info)
          .map(([name, info]) => [name, recorder.toValue(info as tf.TensorInfo)] as const);
        if (recorder.graph.traced) recorder.graph.place = `${kernelName}${callSite()}`;
        const result = kernel(recorder.graph, Object.fromEntries(values), attrs ?? {});
        return Array.isArray(result)
          ? result.map((value) => recorder.tensorInfo(value))
          : recorder.tensorInfo(result);
      },
    });
  }
}

let covered = false;

/** Every kernel that TensorFlow.js knows and {@link registerKernels} did not name throws an error that says so. */
function coverUnmappedKernels(): void {
  if (covered) return;
  covered = true;
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    if (mapped.has(kernelName)) continue;
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: () => {
        throw new EngineError(
          `the TensorFlow.js kernel ${kernelName} has no ONNX form here: see the table of kernels in src/engine/README.md, ` +
            `or map it in src/engine/kernels${callSite()}`,
        );
      },
    });
  }
}
