/** What else must be right on a device that trains; providers.test.ts runs it, with the tests that take their device from device.ts. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import { rmsNorm } from "../../src/engine/ops/rms-norm";
import { checkGradients } from "../../src/engine/self-check";
import { readJson } from "../../src/io/files";
import { TrainingPrograms } from "../../src/training/programs";
import { type ParameterMap, zerosLike } from "../../src/training/policy";
import { train } from "../../src/training/trainer";
import { tinyOptions, tinySpec } from "../training/tiny-run";
import { device, on } from "./device";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "device-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test(`the operations run on ${device}, not on the cpu in its place`, async (t) => {
  const directory = folder(t);
  const inputs = {
    x: { dtype: "float32", shape: [2, 4], data: new Float32Array(8).fill(1) },
    weight: { dtype: "float32", shape: [4], data: new Float32Array(4).fill(1) },
    other: { dtype: "float32", shape: [4, 3], data: new Float32Array(12).fill(1) },
  } as const;
  const program = await compile(
    ({ x, weight, other }) => ({
      y: tf.matMul(rmsNorm(x as tf.Tensor2D, weight, 1e-6), other as tf.Tensor2D),
    }),
    inputs,
    { ...on("cpu"), profile: join(directory, "profile") },
  );
  await program.run(inputs);
  await program.dispose();
  const events = readJson(join(directory, readdirSync(directory)[0]!)) as {
    cat: string;
    args?: { op_name?: string; provider?: string };
  }[];
  const places = events.flatMap(({ cat, args }) => (cat === "Node" && args?.provider ? [args] : []));
  const of = (op: RegExp) =>
    places.filter(({ op_name }) => op.test(op_name!)).map(({ provider }) => provider!);
  for (const op of [/^SimplifiedLayerNormalization$/, /^(MatMul|Gemm)$/]) {
    assert.ok(of(op).length > 0, JSON.stringify(places));
    for (const provider of of(op)) assert.match(provider, new RegExp(device, "i"));
  }
});

test(`${device} passes the check of gradients`, async () => {
  await checkGradients({ device });
});

for (const frozenWeights of ["float32", "int8"] as const) {
  test(`gradients of a tiny T5 on ${device} equal those on the cpu, ${frozenWeights} base`, async () => {
    const results = [];
    for (const where of ["cpu", device] as const) {
      const { policy, objective, data } = tinySpec({ labelSmoothing: 0.1, policy: { frozenWeights } });
      for (const [name, tensor] of policy.trained)
        if (name.includes("lora_B")) tensor.data.forEach((_, i) => (tensor.data[i] = 0.1 * Math.sin(i + 1)));
      const programs = new TrainingPrograms(policy, objective, { device: where });
      const into = zerosLike(policy.trained);
      const { loss } = await programs.gradients(data.batch([0, 1, 2, 3], 4), { seed: 1, step: 2 }, into);
      await programs.dispose();
      results.push({ loss: loss.sum, into });
    }
    const [cpu, there] = [results[0]!, results[1]!];
    assert.ok(Math.abs(there.loss / cpu.loss - 1) < 1e-5, `the loss is ${there.loss}, not ${cpu.loss}`);
    for (const [name, { data }] of cpu.into) {
      const largest = Math.max(...data.map(Math.abs));
      const off = Math.max(...data.map((value, i) => Math.abs(value - there.into.get(name)!.data[i]!)));
      assert.ok(
        off <= 1e-4 * largest,
        `the gradient of ${name} is off by ${off}, where it is at most ${largest}`,
      );
    }
  });
}

test(`a run on ${device} takes the steps of one on the cpu`, async (t) => {
  const runs: ParameterMap[] = [];
  for (const where of ["cpu", device] as const) {
    const spec = tinySpec();
    await train(spec, tinyOptions(folder(t), { maxSteps: 3 }), { engine: { device: where } });
    runs.push(spec.policy.trained);
  }
  for (const [name, { data }] of runs[0]!) {
    const off = Math.max(...data.map((value, i) => Math.abs(value - runs[1]!.get(name)!.data[i]!)));
    assert.ok(off < 2e-3, `${name} is off by ${off}`);
  }
});
