import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../../src/engine/errors";
import { checkGradients } from "../../src/engine/self-check";
import { train } from "../../src/training/trainer";
import { tinyOptions, tinySpec } from "../training/tiny-run";

/** Lets TensorFlow.js' cpu backend compute one kernel wrongly: its results are multiplied by `factor`. */
function broken(t: TestContext, kernelName: string, factor: number): void {
  const kernel = tf.getKernel(kernelName, "cpu");
  const replace = (kernelFunc: tf.KernelFunc) => {
    tf.unregisterKernel(kernelName, "cpu");
    tf.registerKernel({ ...kernel, kernelFunc });
  };
  replace((call) => {
    const result = kernel.kernelFunc(call) as tf.TensorInfo;
    const { values } = (
      call.backend as unknown as { data: { get(id: object): { values: Float32Array } } }
    ).data.get(result.dataId);
    values.forEach((value, i) => (values[i] = value * factor));
    return result;
  });
  t.after(() => replace(kernel.kernelFunc));
}

test("engines whose gradients are right pass", async () => {
  for (const device of ["cpu", "tfjs-cpu", "tfjs-wasm"] as const) await checkGradients({ device });
});

test("an engine that computes a gradient wrongly is refused by name, with the operation and the difference", async (t) => {
  broken(t, "Rsqrt", 1.1);
  await assert.rejects(checkGradients({ device: "tfjs-cpu" }), (error: Error) => {
    assert.ok(error instanceof EngineError);
    assert.match(
      error.message,
      /^tfjs-cpu must not train: the result of rmsNorm is off by 0\.\d+ there, where .*\nTrain on/,
    );
    return true;
  });
});

test("nothing is trained, and no file written, where a gradient is wrong", async (t) => {
  broken(t, "Sigmoid", 1.05);
  const directory = join(mkdtempSync(join(tmpdir(), "self-check-")), "run");
  t.after(() => rmSync(join(directory, ".."), { recursive: true }));
  await assert.rejects(
    train(tinySpec(), tinyOptions(directory, { maxSteps: 1 }), { engine: { device: "tfjs-cpu" } }),
    /^EngineError: tfjs-cpu must not train: the .* of gelu is off by/,
  );
  assert.ok(!existsSync(directory));
});
