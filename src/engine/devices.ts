import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { didYouMean } from "../text";
import { EngineError } from "./errors";
import { encodeModel } from "./onnx";

/** Where recorded programs run, in ONNX Runtime: on the processor, or on a GPU by WebGPU or by CUDA. */
export const recordedDevices = ["cpu", "webgpu", "cuda"] as const;
export type RecordedDevice = (typeof recordedDevices)[number];

/** The package that brings a TensorFlow.js backend, and the backend's name. */
const backends = {
  "tfjs-cpu": [undefined, "cpu"],
  "tfjs-wasm": ["./wasm", "wasm"],
  "tfjs-node": ["@tensorflow/tfjs-node", "tensorflow"],
  "tfjs-node-gpu": ["@tensorflow/tfjs-node-gpu", "tensorflow"],
} as const;
type EagerDevice = keyof typeof backends;

/** Where programs run: recorded ones, or, under `tfjs-…`, functions as they are, operation by operation on a TensorFlow.js backend. */
export type Device = RecordedDevice | EagerDevice;
export const devices: readonly Device[] = [
  ...recordedDevices,
  ...(Object.keys(backends) as readonly EagerDevice[]),
];

export interface DeviceOptions {
  /**
   * Where programs run.
   * @default {@link defaultDevice}
   */
  device?: Device | undefined;
}

/** The environment variable that says where programs of this process, and of those that it starts, run. */
export const DEVICE_VARIABLE = "DEVICE";

/**
 * Where programs run where the call does not say it: as `DEVICE` says, otherwise on the cpu. A GPU is never taken unasked.
 *
 * @throws {EngineError} if there is no device of that name
 */
export const defaultDevice = (named = process.env[DEVICE_VARIABLE]): Device =>
  named ? deviceNamed(named) : "cpu";

/** As {@link defaultDevice}, for what is always recorded: with a `tfjs-…` device it runs on the cpu. */
export function defaultRecordedDevice(): RecordedDevice {
  const device = defaultDevice();
  return isRecorded(device) ? device : "cpu";
}

/** Lets programs of this process, and of those that it starts, run on a device from now on. */
export function useDevice(name: string): void {
  process.env[DEVICE_VARIABLE] = deviceNamed(name);
}

/**
 * The device of this name.
 *
 * @throws {EngineError} that lists the devices
 */
export function deviceNamed(name: string): Device {
  const device = devices.find((one) => one === name);
  if (device) return device;
  throw new EngineError(
    `there is no device ${JSON.stringify(name)}: use ${devices.join(", ")}.${didYouMean(name, devices)}`,
  );
}

/** Whether programs are recorded for a device. */
export const isRecorded = (device: Device): device is RecordedDevice => !(device in backends);

/** How a device runs programs; one that cannot be had here is refused, with the reason and how to get it. */
export async function openDevice(
  device: Device = defaultDevice(),
): Promise<{ recorded: RecordedDevice } | { backend: string }> {
  deviceNamed(device);
  if (isRecorded(device)) return { recorded: device };
  const [module, backend] = backends[device];
  let cause: unknown;
  try {
    if (module) createRequire(__filename)(module);
    if (await onBackend(backend, async () => tf.getBackend() === backend)) return { backend };
  } catch (error) {
    cause = error;
  }
  throw unavailable(device, cause ?? new Error(`the package registers no backend "${backend}"`));
}

/** Runs `body` with TensorFlow.js on `backend`, and goes back to where it was. */
export async function onBackend<T>(backend: string, body: () => Promise<T>): Promise<T> {
  const before = tf.getBackend();
  try {
    if (!(await tf.setBackend(backend)))
      throw new EngineError(`TensorFlow.js could not start its backend ${backend}`);
    (tf.backend() as { firstUse?: boolean }).firstUse = false; // no advertisement of tfjs-node on the console
    return await body();
  } finally {
    if (before) await tf.setBackend(before);
  }
}

const native = "It needs Node 20 or 22 and a download: npm rebuild --ignore-scripts=false";

/** How to get a device that is not there. */
const remedies: Readonly<Record<Device, string>> = {
  cpu: "Run npm ci again.",
  webgpu:
    "It needs a GPU with a Vulkan, Metal or Direct3D 12 driver; on Linux also Vulkan's loader (Debian and Ubuntu: apt install libvulkan1).",
  cuda:
    "It needs Linux on x64, an NVIDIA driver, CUDA 12 and cuDNN 9 where LD_LIBRARY_PATH finds them, and ONNX Runtime's CUDA libraries: " +
    "node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12",
  "tfjs-cpu": "Run npm ci again.",
  "tfjs-wasm": "Run npm ci again.",
  "tfjs-node": `${native} @tensorflow/tfjs-node, in place of the stand-in in shims/.`,
  "tfjs-node-gpu": `${native} @tensorflow/tfjs-node-gpu; a GPU with CUDA 11.2 and cuDNN 8.1.`,
};

/** The error for a device on which no program could be made. */
export function unavailable(device: Device, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
  return new EngineError(
    `the device ${device} cannot be had here: ${reason.replace(/\.$/, "")}.\n${remedies[device]}`,
    { cause },
  );
}

let kept: Promise<ort.InferenceSession> | undefined;

/** Keeps a session on WebGPU: with the last one the device goes, and what was compiled for it, to be compiled again for the next. */
async function keepWebGpu(): Promise<void> {
  const value = { type: "float32", shape: [1] } as const;
  kept ??= ort.InferenceSession.create(
    encodeModel({
      nodes: [{ opType: "Identity", domain: "", inputs: ["x"], outputs: ["y"], attributes: {} }],
      constants: [],
      inputs: [{ name: "x", ...value }],
      outputs: [{ name: "y", ...value }],
    }),
    { executionProviders: ["webgpu"], logSeverityLevel: 4 },
  );
  await kept;
}

/** An ONNX Runtime session, or {@link unavailable}. */
export async function createSession(
  device: RecordedDevice,
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
): Promise<ort.InferenceSession> {
  try {
    if (device === "webgpu") await keepWebGpu();
    return await ort.InferenceSession.create(model, options);
  } catch (cause) {
    throw device === "cpu" ? cause : unavailable(device, cause);
  }
}
