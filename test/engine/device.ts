import type { CompileOptions } from "../../src/engine/compile";
import { defaultDevice, type Device } from "../../src/engine/devices";

/** Where tests of the engine run recorded programs: providers.test.ts runs them again with another `DEVICE`. */
export const device = defaultDevice();

/** What compiles for a device in tests: `cpu` stands for recorded programs, wherever `DEVICE` puts them. */
export const on = (wanted: Device): CompileOptions => (wanted === "cpu" ? {} : { device: wanted });

/** Where tests run what is computed in several ways. TensorFlow.js computes the same under another `DEVICE`. */
export const everywhere: readonly Device[] = device === "cpu" ? ["cpu", "tfjs-cpu", "tfjs-wasm"] : ["cpu"];
