/** What else must be right on a device that trains; providers.test.ts runs it, with the tests that take their device from device.ts. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import { keepsTensors, transfers } from "../../src/engine/device-memory";
import type { RecordedDevice } from "../../src/engine/devices";
import { rmsNorm } from "../../src/engine/ops/rms-norm";
import { checkGradients } from "../../src/engine/self-check";
import { generate } from "../../src/generation/generate";
import { readJson } from "../../src/io/files";
import { padBatch } from "../../src/models/tokenizer/tokenizer";
import { type HostTensor, int32Tensor } from "../../src/tensors/tensor";
import { crossEntropyObjective } from "../../src/training/objectives/cross-entropy";
import { TrainingPrograms } from "../../src/training/programs";
import { type ParameterMap, zerosLike } from "../../src/training/policy";
import { Stepper } from "../../src/training/step";
import { train } from "../../src/training/trainer";
import { tinyOptions, tinySpec } from "../training/tiny-run";
import { randomT5, TINY } from "../models/tiny";
import { tinyLlama } from "../models/llama/tiny-llama";
import { tinyPolicy } from "../training/tiny-dpo";
import { device, on } from "./device";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "device-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** Which operations ran where, by ONNX Runtime's profiles, the files of a folder. */
function placesIn(directory: string): { op_name: string; provider: string; output_size?: string }[] {
  const events = readdirSync(directory).flatMap(
    (file) =>
      readJson(join(directory, file)) as {
        cat: string;
        args?: { op_name: string; provider?: string; output_size?: string };
      }[],
  );
  return events.flatMap(({ cat, args }) =>
    cat === "Node" && args?.provider ? [{ ...args, provider: args.provider }] : [],
  );
}

/** What did not run on the device, or was copied on the way. */
const leftToCpu = (directory: string): string[] =>
  placesIn(directory)
    .filter(
      ({ op_name, provider }) => !new RegExp(device, "i").test(provider) || op_name.startsWith("Memcpy"),
    )
    .map(({ op_name, provider }) => `${op_name} ${provider}`);

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
  const places = placesIn(directory);
  const of = (op: RegExp) => places.filter(({ op_name }) => op.test(op_name)).map(({ provider }) => provider);
  for (const op of [/^SimplifiedLayerNormalization$/, /^(MatMul|Gemm)$/]) {
    assert.ok(of(op).length > 0, JSON.stringify(places));
    for (const provider of of(op)) assert.match(provider, new RegExp(device, "i"));
  }
});

/** A tiny model of each kind, and what it is asked. */
const models = {
  T5: () => ({
    model: randomT5(TINY, 7),
    batch: padBatch(
      [
        [5, 6, 7, 8, 1],
        [9, 3, 1],
        [4, 1],
      ],
      TINY.padTokenId,
    ),
  }),
  Llama: () => ({
    model: tinyLlama(),
    batch: padBatch([[5, 17, 3, 44, 60, 2, 81], [5, 17, 3, 44, 7], [9]], 0),
  }),
};

/** A step's policy, objective and batch. */
const steps = {
  T5: () => {
    const { policy, objective, data } = tinySpec({ labelSmoothing: 0.1 });
    return { policy, objective, batch: data.batch([0, 1], 2) };
  },
  Llama: () => {
    const tokens = [7, 9, 11, 3, 20, 96, 4, 8, 15, 16, 96, 0];
    const [inputIds, labels] = [tokens, tokens.map((id, i) => (i % 6 < 2 || id === 0 ? -100 : id))];
    const batch = { inputIds, attentionMask: tokens.map((id) => Number(id !== 0)), labels };
    const tensors = Object.entries(batch).map(([name, ids]) => [
      name,
      int32Tensor([2, 6], Int32Array.from(ids)),
    ]);
    return {
      policy: tinyPolicy(),
      objective: crossEntropyObjective(0),
      batch: Object.fromEntries(tensors) as Record<keyof typeof batch, HostTensor<"int32">>,
    };
  },
};

for (const kind of ["T5", "Llama"] as const)
  test(`a LoRA step of a ${kind} stays on ${device}: no operation is left to the cpu, nothing but its batch, loss and norm moves`, async (t) => {
    const [directory, outputDirectory] = [folder(t), folder(t)];
    const { policy, objective, batch } = steps[kind]();
    const engine = { device, profile: join(directory, "profile") };
    const stepper = new Stepper(policy, objective, tinyOptions(outputDirectory), engine);
    const moved: { given: number; fetched: number }[] = [];
    for (let step = 0; step < 2; step++) {
      const before = { ...transfers };
      await stepper.take(step, [batch], 0.01);
      moved.push({ given: transfers.given - before.given, fetched: transfers.fetched - before.fetched });
    }
    await stepper.dispose();
    const places = placesIn(directory);
    assert.ok(places.length > 500, `${places.length} operations`);
    assert.deepEqual(leftToCpu(directory), []);
    if (!keepsTensors(device as RecordedDevice)) return;
    const [FACTORS, KEY] = [4 * 4, 2 * 4];
    const batchBytes = Object.values(batch).reduce((sum, { data }) => sum + data.byteLength, 0);
    for (const { given, fetched } of moved) {
      assert.ok(given > FACTORS && given <= batchBytes + FACTORS + KEY, `${given} bytes were given`);
      assert.equal(fetched, 4 * (2 + 1), "a sum, a count, and a norm");
    }
  });

for (const kind of ["T5", "Llama"] as const) {
  const { model, batch } = models[kind]();
  const rows = batch.lengths.length;

  test(`a decoding ${kind} on ${device} says what it says on the cpu`, async () => {
    const [cpu, there] = await Promise.all(
      (["cpu", device] as const).map(async (where) => {
        const { trained } = tinyPolicy();
        const adapter = { scaling: { alpha: 8, rank: 4, useRslora: false }, weights: trained };
        const generator = await model.architecture.createGenerator(model as never, {
          device: where as RecordedDevice,
          ...(kind === "Llama" && { adapter }),
        });
        const options = { maxNewTokens: 4, stopTokenIds: [0, 5] };
        const said = [await generate(generator, batch, options)];
        for (const { data } of trained.values())
          data.forEach((value, i) => (data[i] = value + 0.3 * Math.sin(i))); // a generator follows
        said.push(
          await generate(generator, batch, { ...options, doSample: true, seed: 3, temperature: 2 }),
          await generate(generator, batch, { ...options, maxNewTokens: 3, numBeams: 2 }),
        );
        await generator.dispose();
        return said.map((sequences) => sequences.map(({ tokens }) => tokens));
      }),
    );
    assert.deepEqual(there, cpu);
    assert.ok(new Set(JSON.stringify(cpu).match(/\d+/g)).size > 5, "answers differ");
  });

  test(`a decoding ${kind} stays on ${device}: a step is given its tokens and gives the next ones`, async (t) => {
    if (!keepsTensors(device as RecordedDevice)) return;
    const directory = folder(t);
    const generator = await model.architecture.createGenerator(model as never, {
      device: device as RecordedDevice,
      profile: join(directory, "profile"),
    });
    const decoder = await generator.startDecoder(batch, 1, 4);
    const moved: [given: number, fetched: number][] = [];
    const counted = async <T>(step: () => Promise<T>): Promise<T> => {
      const before = { ...transfers };
      const result = await step();
      moved.push([transfers.given - before.given, transfers.fetched - before.fetched]);
      return result;
    };
    let tokens = await decoder.nextTokens(Int32Array.from(decoder.prompts, (prompt) => prompt.at(-1)!));
    tokens = await counted(() => decoder.nextTokens(tokens));
    decoder.select([2, 0]);
    await counted(() => decoder.nextLogits(tokens.subarray(0, 2)));
    decoder.dispose();
    await generator.dispose();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate); // behind what the decoder keeps and frees
    const [TOKEN, FINITE, LOGIT, INDEX] = [4, 4, 4, 4];
    const step = [TOKEN * rows, (TOKEN + FINITE) * rows];
    const logits = 2 * LOGIT * decoder.vocabularySize;
    const selected = kind === "T5" ? 2 : 1; // rows and inputs, or rows alone
    assert.deepEqual(moved, [step, [2 * (TOKEN + selected * INDEX), 2 * (TOKEN + FINITE) + logits]]);
    const places = placesIn(directory);
    const elsewhere = places.filter(({ provider }) => !new RegExp(device, "i").test(provider));
    assert.ok(places.length > 300 && elsewhere.length > 0, `${places.length} operations`);
    for (const { op_name, output_size } of elsewhere)
      assert.ok(
        Number(output_size) <= 8 * 4,
        `${op_name} gives ${output_size} bytes on the cpu: more than a shape`,
      );
    const copies = places.filter(({ op_name }) => op_name.startsWith("Memcpy")).map(({ op_name }) => op_name);
    const runs = kind === "T5" ? 3 : 3 + 1; // one prompt of the three has what no other begins with
    assert.deepEqual(copies, Array<string>(runs).fill("MemcpyToHost"), "the best token of each run alone");
  });
}

test(`${device} passes the check of gradients`, async () => {
  await checkGradients({ device });
});

for (const frozenWeights of ["float32", "int8", "nf4"] as const) {
  test(`gradients of a tiny T5 on ${device} equal those on the cpu, ${frozenWeights} base, which stays there`, async (t) => {
    const directory = folder(t);
    const results = [];
    for (const where of ["cpu", device] as const) {
      const { policy, objective, data } = tinySpec({ labelSmoothing: 0.1, policy: { frozenWeights } });
      for (const [name, tensor] of policy.trained)
        if (name.includes("lora_B")) tensor.data.forEach((_, i) => (tensor.data[i] = 0.1 * Math.sin(i + 1)));
      const profile = where === "cpu" ? {} : { profile: join(directory, "profile") };
      const programs = new TrainingPrograms(policy, objective, {
        device: where,
        masks: "computed",
        ...profile,
      });
      const into = zerosLike(policy.trained);
      const batch = data.batch([0, 1, 2, 3], 4);
      const before = transfers.given;
      const { loss } = await programs.gradients(batch, { seed: 1, step: 2 }, into);
      await programs.dispose();
      const changing = [...Object.values(batch), ...policy.trained.values()];
      const most = 2 * 4 + changing.reduce((sum, { data }) => sum + data.byteLength, 0);
      if (keepsTensors(device as RecordedDevice)) assert.ok(transfers.given - before <= most);
      results.push({ loss: loss.sum, into });
    }
    assert.deepEqual(leftToCpu(directory), []);
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
    await train(spec, tinyOptions(folder(t), { maxSteps: 3 }), {
      engine: { device: where, masks: "computed" },
    });
    runs.push(spec.policy.trained);
  }
  for (const [name, { data }] of runs[0]!) {
    const off = Math.max(...data.map((value, i) => Math.abs(value - runs[1]!.get(name)!.data[i]!)));
    assert.ok(off < 2e-3, `${name} is off by ${off}`);
  }
});
