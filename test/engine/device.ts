import type { CompileOptions } from "../../src/engine/compile";
import type { EngineName } from "../../src/engine/engines";

/** The device of the onnx engine in tests of the engine: providers.test.ts runs them again with another one. */
export const device = process.env["TEST_EXECUTION_PROVIDER"] ?? "cpu";

/** What compiles for an engine, the onnx engine on {@link device}. */
export const on = (engine: EngineName): CompileOptions =>
  engine === "onnx" ? { executionProvider: device } : { engine };
