import type * as ort from "onnxruntime-node";
import { Tensor } from "onnxruntime-node";
import type { HostTensor } from "../tensors";
import { createSession, type RecordedDevice } from "./devices";
import { EngineError } from "./errors";
import { encodeModel, type OnnxNode, type OnnxValue } from "./onnx";
import { type ByteType, packBytes } from "./ops/bytes";
import type { ProgramTensor, ProgramType } from "./tensors";

/** The devices whose memory tensors can stay in from one run to the next. ONNX Runtime's package for Node knows WebGPU's alone. */
const keeping: ReadonlySet<RecordedDevice> = new Set(["webgpu"]);

/** Whether tensors can stay on a device. */
export const keepsTensors = (device: RecordedDevice): boolean => keeping.has(device);

/** Memory on a device, and who is told when it is free. */
interface Held {
  readonly there: ort.Tensor;
  readonly freed: () => void;
}

const free = ({ there, freed }: Held): void => {
  there.dispose();
  freed();
};

/** Frees the memory of tensors that nothing refers to any more: garbage collection alone would leave it. */
const forgotten = new FinalizationRegistry<Held>(free);

/** A tensor in a device's memory. A program that runs there takes it as an input, or writes a result into it. */
export class DeviceTensor {
  private held: Held | undefined;

  constructor(
    readonly dtype: ProgramType,
    readonly shape: readonly number[],
    /** As ONNX Runtime knows it. Its own `getData()` would end the process. */
    readonly there: ort.Tensor,
    freed: () => void = () => {},
  ) {
    this.held = { there, freed };
    forgotten.register(this, this.held, this);
  }

  /** Its numbers are not here. */
  get data(): never {
    throw new EngineError("a tensor that lies on a device cannot be read: fetch it first");
  }

  /** Frees its memory. */
  dispose(): void {
    if (this.held) free(this.held);
    this.held = undefined;
    forgotten.unregister(this);
  }
}

const movers = new Map<string, Promise<ort.InferenceSession>>();

/** What a tensor is to a program that moves tensors of any size. */
type Moved = Pick<ProgramTensor, "dtype" | "shape">;

/**
 * A program of one operation on each of `tensors`, with their names and a mark before it for `inputs` (`a0`, `b0`) and results (`r0`);
 * what it gives lies on the device, or on the cpu. Made once for each combination of operations, types and ranks.
 */
function mover(
  device: RecordedDevice,
  to: "cpu" | "gpu-buffer",
  tensors: readonly Moved[],
  operation: (
    index: number,
  ) => Pick<OnnxNode, "opType" | "attributes"> & { readonly inputs: readonly string[] },
): Promise<ort.InferenceSession> {
  const nodes = tensors.map((_, i): OnnxNode => {
    return { domain: "", outputs: [`r${i}`], ...operation(i) };
  });
  const kinds = tensors.map(({ dtype, shape }) => [dtype, shape.length]);
  const key = JSON.stringify([device, to, nodes, kinds]);
  let session = movers.get(key);
  if (!session) {
    const open = (name: string, of: Moved): OnnxValue => {
      return { name, type: of.dtype, shape: of.shape.map((_, axis) => `${name} ${axis}`) };
    };
    const inputs = nodes.flatMap(({ inputs }, i) =>
      inputs.filter((name) => name !== INDICES).map((name) => open(name, tensors[i]!)),
    );
    if (nodes.some(({ inputs }) => inputs.includes(INDICES)))
      inputs.push({ name: INDICES, type: "int32", shape: ["indices"] });
    const outputs = tensors.map((tensor, i) => open(`r${i}`, tensor));
    session = createSession(device, encodeModel({ nodes, constants: [], inputs, outputs }), {
      executionProviders: [device],
      preferredOutputLocation: to,
      logSeverityLevel: 4,
    });
    movers.set(key, session);
    session.catch(() => movers.delete(key));
  }
  return session;
}

/** The input of a mover that says which parts of its tensors are wanted. */
const INDICES = "indices";

const asOrt = ({ dtype, shape, data }: ProgramTensor) =>
  new Tensor(dtype as "float32", data as Float32Array, shape as number[]);

const handOn = (index: number) => ({ opType: "Identity", attributes: {}, inputs: [`a${index}`] });

/** A copy of a tensor in a device's memory. */
export async function placeOn(device: RecordedDevice, tensor: ProgramTensor): Promise<DeviceTensor> {
  const session = await mover(device, "gpu-buffer", [tensor], handOn);
  const { r0 } = await session.run({ a0: asOrt(tensor) });
  return new DeviceTensor(tensor.dtype, tensor.shape, r0!);
}

/** What a tensor on a device holds, in memory of its own. */
export async function fetchFrom(device: RecordedDevice, tensor: DeviceTensor): Promise<ProgramTensor> {
  const session = await mover(device, "cpu", [tensor], handOn);
  const { r0 } = await session.run({ a0: tensor.there });
  const { data } = r0 as unknown as ProgramTensor;
  transfers.fetched += data.byteLength;
  return { dtype: tensor.dtype, shape: tensor.shape, data } as ProgramTensor;
}

/** Tensors on a device by name. */
export type DeviceTensors = Readonly<Record<string, DeviceTensor>>;

/** New tensors on the device, under the same names: the parts of each that `indices` names, along the dimension that `axisOf` says. */
export async function gatherOn(
  device: RecordedDevice,
  tensors: DeviceTensors,
  indices: readonly number[],
  axisOf: (name: string) => number = () => 0,
): Promise<DeviceTensors> {
  const [names, parts] = [Object.keys(tensors), Object.values(tensors)];
  const session = await mover(device, "gpu-buffer", parts, (i) => {
    return { opType: "Gather", attributes: { axis: axisOf(names[i]!) }, inputs: [`a${i}`, INDICES] };
  });
  transfers.given += 4 * indices.length;
  const results = await session.run({
    ...feedsOf("a", parts),
    [INDICES]: new Tensor("int32", Int32Array.from(indices), [indices.length]),
  });
  return named(names, parts, results);
}

/** New tensors on the device, under the same names: those of `first` and `second` joined along their first dimension. */
export async function concatOn(
  device: RecordedDevice,
  first: DeviceTensors,
  second: DeviceTensors,
): Promise<DeviceTensors> {
  const [names, parts] = [Object.keys(first), Object.values(first)];
  const session = await mover(device, "gpu-buffer", parts, (i) => {
    return { opType: "Concat", attributes: { axis: 0 }, inputs: [`a${i}`, `b${i}`] };
  });
  const others = names.map((name) => second[name]!);
  return named(names, parts, await session.run({ ...feedsOf("a", parts), ...feedsOf("b", others) }));
}

const feedsOf = (mark: string, parts: readonly DeviceTensor[]) =>
  Object.fromEntries(parts.map(({ there }, i) => [`${mark}${i}`, there]));

function named(
  names: readonly string[],
  parts: readonly DeviceTensor[],
  results: ort.InferenceSession.ReturnType,
): DeviceTensors {
  return Object.fromEntries(
    names.map((name, i) => {
      const result = results[`r${i}`]!;
      return [name, new DeviceTensor(parts[i]!.dtype, result.dims, result)];
    }),
  );
}

const copies = new WeakMap<ProgramTensor, Promise<DeviceTensor>>();

/**
 * The copy of a tensor that never changes: made when it is first asked for, the same for all programs, and there as long as the
 * tensor is. Whole numbers of 8 bits lie there as {@link packBytes} gives them.
 */
export function copyOn(device: RecordedDevice, tensor: ProgramTensor): Promise<DeviceTensor> | undefined {
  const { dtype } = tensor;
  if (dtype === "bool") return undefined;
  let copy = copies.get(tensor);
  if (!copy) {
    const isBytes = dtype === "int8" || dtype === "uint8";
    copy = placeOn(device, isBytes ? packBytes(tensor as HostTensor<ByteType>) : tensor);
    copies.set(tensor, copy);
  }
  return copy;
}

/** Bytes that programs on devices other than the cpu were given, and gave, at their runs: what is put there to stay is not among them. */
export const transfers = { given: 0, fetched: 0 };
