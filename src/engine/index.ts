export { assertFinite, compile, CompiledFunction, type CompileOptions } from "./compile";
export {
  defaultDevice,
  defaultRecordedDevice,
  type Device,
  DEVICE_VARIABLE,
  type DeviceOptions,
  deviceNamed,
  isRecorded,
  devices,
  recordedDevices,
  type RecordedDevice,
  useDevice,
} from "./devices";
export {
  concatOn,
  copyOn,
  DeviceTensor,
  type DeviceTensors,
  fetchFrom,
  gatherOn,
  keepsTensors,
  placeOn,
  transfers,
} from "./device-memory";
export { withNoise } from "./eager";
export { EngineError } from "./errors";
export { FrozenProgram, type FreezeOptions, type StoredTensor } from "./frozen";
export type { Noise } from "./noise";
export { constantBytes, encodeModel, modelPieces, type OnnxConstant, type OnnxModel } from "./onnx";
export * from "./ops";
export type { Program, RunOptions } from "./program";
export { recordableKernels } from "./recorder";
export { recordFunction, type Recording } from "./recording";
export { checkGradients } from "./self-check";
export { defaultThreads, THREADS_VARIABLE } from "./threads";
export type { ProgramTensor, ProgramType, Signature, TensorSpec } from "./tensors";
