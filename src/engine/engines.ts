import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { EngineError } from "./errors";

/** Who computes: ONNX Runtime on recorded graphs, or TensorFlow.js on one of its backends, operation by operation. */
export type EngineName = "onnx" | "tfjs-node-gpu" | "tfjs-node" | "wasm" | "cpu";

export interface EngineOptions {
  /** @default "onnx" */
  engine?: EngineName;
  /**
   * The device of the onnx engine: `cpu`, `cuda`, `webgpu`, or another that its package was built with.
   * @default "cpu"
   */
  executionProvider?: string;
}

/** The choice with its defaults; what cannot be had here is refused, with the reason and how to get it. */
export async function chooseEngine({
  engine = "onnx",
  executionProvider = "cpu",
}: EngineOptions): Promise<{ executionProvider: string } | { backend: string }> {
  if (engine === "onnx") return { executionProvider };
  if (executionProvider !== "cpu") {
    throw new EngineError(
      `executionProvider ${executionProvider} belongs to the engine onnx, not to ${engine}`,
    );
  }
  const [module, backend] = eagerEngines[engine] ?? unknownEngine(engine);
  let cause: unknown;
  try {
    if (module) await import(module);
    if (await onBackend(backend, async () => tf.getBackend() === backend)) return { backend };
  } catch (error) {
    cause = error;
  }
  const reason =
    cause instanceof Error ? cause.message.split("\n")[0] : `the package registers no backend "${backend}"`;
  throw new EngineError(`the engine ${engine} cannot be had here: ${reason}.\n${howToGet(engine)}`, {
    cause,
  });
}

/** The package that brings an engine's TensorFlow.js backend, and the backend's name. */
const eagerEngines: Record<string, [string | undefined, string]> = {
  "tfjs-node-gpu": ["@tensorflow/tfjs-node-gpu", "tensorflow"],
  "tfjs-node": ["@tensorflow/tfjs-node", "tensorflow"],
  wasm: ["./wasm", "wasm"],
  cpu: [undefined, "cpu"],
};

function unknownEngine(engine: string): never {
  throw new EngineError(`there is no engine ${engine}: use onnx, ${Object.keys(eagerEngines).join(", ")}`);
}

function howToGet(engine: EngineName): string {
  const native = "It needs Node 20 or 22 and a download: npm rebuild --ignore-scripts=false";
  if (engine === "tfjs-node-gpu")
    return `${native} @tensorflow/tfjs-node-gpu; a GPU with CUDA 11.2 and cuDNN 8.1.`;
  if (engine === "tfjs-node") return `${native} @tensorflow/tfjs-node, in place of the stand-in in shims/.`;
  return "Run npm ci again.";
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

/** How to name the devices of the onnx engine that this installation has. */
const available = () =>
  ort
    .listSupportedBackends()
    .filter(({ bundled }) => bundled)
    .map(({ name }) => name);

/** The error for a session that ONNX Runtime could not create on a device. */
export function unavailableProvider(executionProvider: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
  const how: Record<string, string> = {
    cuda: "Install CUDA 12 and cuDNN 9, then let onnxruntime-node fetch its CUDA libraries: node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install",
    webgpu:
      "It needs a GPU with a Vulkan, Metal or Direct3D 12 driver; on Linux also Vulkan's loader (Debian and Ubuntu: apt install libvulkan1).",
  };
  return new EngineError(
    `ONNX Runtime cannot run on ${executionProvider} here: ${reason}.\n` +
      (how[executionProvider] ?? `This installation knows ${available().join(", ")}.`),
    { cause },
  );
}
