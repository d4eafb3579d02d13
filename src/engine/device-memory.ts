import type * as ort from "onnxruntime-node";
import { Tensor } from "onnxruntime-node";
import { createSession, type RecordedDevice } from "./devices";
import { EngineError } from "./errors";
import { encodeModel, type OnnxModel } from "./onnx";
import type { ProgramTensor, ProgramType } from "./tensors";

/** The devices whose memory tensors can stay in from one run to the next. ONNX Runtime's package for Node knows WebGPU's alone. */
const keeping: ReadonlySet<RecordedDevice> = new Set(["webgpu"]);

/** Whether tensors can stay on a device. */
export const keepsTensors = (device: RecordedDevice): boolean => keeping.has(device);

/** A tensor in a device's memory. A program that runs there takes it as an input, or writes a result into it. */
export class DeviceTensor {
  constructor(
    readonly dtype: ProgramType,
    readonly shape: readonly number[],
    /** As ONNX Runtime knows it. Its own `getData()` would end the process. */
    readonly there: ort.Tensor,
  ) {}

  /** Its numbers are not here. */
  get data(): never {
    throw new EngineError("a tensor that lies on a device cannot be read: fetch it first");
  }

  /** Frees its memory. */
  dispose(): void {
    this.there.dispose();
  }
}

const movers = new Map<string, Promise<ort.InferenceSession>>();

/** A program that hands on a tensor of a type and rank: from the device to the cpu, or the other way. */
function mover(
  device: RecordedDevice,
  to: "cpu" | "gpu-buffer",
  { dtype, shape }: Pick<ProgramTensor, "dtype" | "shape">,
): Promise<ort.InferenceSession> {
  const key = `${device} ${to} ${dtype} ${shape.length}`;
  let session = movers.get(key);
  if (!session) {
    const open = { type: dtype, shape: shape.map((_, axis) => `d${axis}`) };
    const model: OnnxModel = {
      nodes: [{ opType: "Identity", domain: "", inputs: ["from"], outputs: ["to"], attributes: {} }],
      constants: [],
      inputs: [{ name: "from", ...open }],
      outputs: [{ name: "to", ...open }],
    };
    session = createSession(device, encodeModel(model), {
      executionProviders: [device],
      preferredOutputLocation: to,
      logSeverityLevel: 4,
    });
    movers.set(key, session);
    session.catch(() => movers.delete(key));
  }
  return session;
}

const asOrt = ({ dtype, shape, data }: ProgramTensor) =>
  new Tensor(dtype as "float32", data as Float32Array, shape as number[]);

/** A copy of a tensor in a device's memory. */
export async function placeOn(device: RecordedDevice, tensor: ProgramTensor): Promise<DeviceTensor> {
  const session = await mover(device, "gpu-buffer", tensor);
  const { to } = await session.run({ from: asOrt(tensor) });
  return new DeviceTensor(tensor.dtype, tensor.shape, to!);
}

/** What a tensor on a device holds, in memory of its own. */
export async function fetchFrom(device: RecordedDevice, tensor: DeviceTensor): Promise<ProgramTensor> {
  const session = await mover(device, "cpu", tensor);
  const { to } = await session.run({ from: tensor.there });
  return { dtype: tensor.dtype, shape: tensor.shape, data: to!.data } as ProgramTensor;
}

const copies = new WeakMap<ProgramTensor, Promise<DeviceTensor>>();

/**
 * The copy of a tensor that never changes: made when it is first asked for, the same for all programs, and there as long as the
 * tensor is. Whole numbers of 8 bits are copied at each run instead: WebGPU hands none on.
 */
export function copyOn(device: RecordedDevice, tensor: ProgramTensor): Promise<DeviceTensor> | undefined {
  if (tensor.dtype !== "float32" && tensor.dtype !== "int32") return undefined;
  let copy = copies.get(tensor);
  if (!copy) {
    copy = placeOn(device, tensor);
    copies.set(tensor, copy);
  }
  return copy;
}

/** Bytes that programs on devices other than the cpu were given, and gave, at their runs: what stays there is not among them. */
export const transfers = { given: 0, fetched: 0 };
