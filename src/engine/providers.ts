import type * as ort from "onnxruntime-node";
import type { RecordedDevice } from "./devices";
import { nodeName, type OnnxModel } from "./onnx";

/**
 * Operations that WebGPU computes otherwise than ONNX says. Its language lets a sine be off by 2⁻¹¹, gives the logarithm and
 * the power of a negative number any value, and lets a program take it that no number is infinite or undefined.
 */
const wrongOnWebGpu: ReadonlySet<string> = new Set(["Cos", "IsInf", "IsNaN", "Log", "Pow", "Sin"]);

/** Who is to run a model, as ONNX Runtime takes it: the device, or the cpu for operations that the device gets wrong. */
export function executionProviders(
  device: RecordedDevice,
  { nodes }: OnnxModel,
): ort.InferenceSession.ExecutionProviderConfig[] {
  const wrong =
    device === "webgpu" ? nodes.filter(({ opType, anywhere }) => wrongOnWebGpu.has(opType) && !anywhere) : [];
  if (wrong.length === 0) return [device];
  return [{ name: "webgpu", forceCpuNodeNames: wrong.map(nodeName) }];
}
