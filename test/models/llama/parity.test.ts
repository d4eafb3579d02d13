import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../../src/engine/compile";
import type { Device } from "../../../src/engine/devices";
import { type LabelledBatch, lossSums } from "../../../src/models/language-model";
import type { NamedTensors } from "../../../src/models/layers/linear";
import { parseLlamaConfig, type LlamaConfig } from "../../../src/models/llama/config";
import { anglesOf, llama } from "../../../src/models/llama/model";
import { rotaryFrequencies } from "../../../src/models/llama/rotary";
import { packing } from "../../../src/training/packing";
import { int32Tensor } from "../../../src/tensors/tensor";
import { on } from "../../engine/device";
import { closeTo, type LlamaFixture, matchesSummary, type Summary, testEveryLlama } from "../llama-fixtures";

interface ForwardFile {
  readonly batches: Record<
    string,
    { loss_mean: number; loss_sum: number; loss_tokens: number; grads: Record<string, Summary> }
  >;
}

const numbers = (tensor: { data: unknown }) => tensor.data as Float32Array;

/** Loss, logits of every position and gradients of every parameter for one batch. */
async function run(fixture: LlamaFixture, input: string, device: Device, packed: boolean) {
  const { config, parameters: stored } = fixture.model();
  const parameters = Object.fromEntries(stored);
  const names = Object.keys(parameters);
  const given = fixture.batch(input);
  const [rows, length] = given.inputIds.shape as [number, number];
  const lists = packed
    ? packing(
        {
          examples: [],
          rows,
          inputLength: length,
          labelLength: length,
          inputIds: given.inputIds.data,
          attentionMask: given.attentionMask.data,
          labels: given.labels.data,
        },
        4,
      )
    : {};
  const batch = {
    ...given,
    ...Object.fromEntries(
      Object.entries(lists).map(([name, list]) => [name, int32Tensor([list.length], list)]),
    ),
  };
  const program = await compile(
    (inputs) => {
      const tokens = inputs.batch as unknown as LabelledBatch;
      const model = (weights: NamedTensors) => llama(config as unknown as LlamaConfig, weights);
      const mean = (...values: tf.Tensor[]) => {
        const sums = lossSums(model(Object.fromEntries(names.map((name, i) => [name, values[i]!]))), tokens);
        return tf.div(sums.loss, sums.labels) as tf.Scalar;
      };
      const { value, grads } = tf.valueAndGrads(mean)(names.map((name) => inputs.parameters[name]!));
      const { labelRows: _, ...whole } = tokens;
      return {
        loss: value,
        labels: lossSums(model(inputs.parameters), tokens).labels,
        logits: model(inputs.parameters).labelLogits(whole),
        gradients: Object.fromEntries(names.map((name, i) => [name, grads[i]!])),
      };
    },
    { parameters, batch },
    on(device),
  );
  const results = await program.run({ parameters, batch });
  await program.dispose();
  return { ...results, batch: given, names };
}

for (const [device, packed] of [
  ["cpu", false],
  ["cpu", true],
  ["tfjs-cpu", false],
  ["tfjs-wasm", false],
] as [Device, boolean][]) {
  testEveryLlama(
    `losses, logits and all gradients equal transformers' on ${device}${packed ? " without padding" : ""}`,
    ["inputs.json", "forward.json", "forward.safetensors", "model.safetensors"],
    (fixture) => fixture.batches,
    async (fixture, input) => {
      const { batches } = fixture.read<ForwardFile>("forward.json");
      const expected = batches[input]!;
      const tensors = fixture.tensors("forward.safetensors");
      const { loss, labels, logits, gradients, batch, names } = await run(fixture, input, device, packed);
      assert.equal(numbers(labels)[0], expected.loss_tokens);
      closeTo(numbers(loss), [expected.loss_mean], 2e-5, "loss");
      assert.deepEqual(Object.keys(expected.grads).sort(), [...names].sort());
      for (const [name, summary] of Object.entries(expected.grads))
        matchesSummary(numbers(gradients[name]!), summary, 1e-4, `gradient of ${name}`);
      for (const [key, tensor] of tensors) {
        const [, name] = key.split(`${input}.grad.`);
        if (name === undefined) continue;
        const norm = Math.hypot(...tensor.data);
        const actual = numbers(gradients[name]!);
        tensor.data.forEach((value, i) =>
          assert.ok(Math.abs(actual[i]! - value) <= 1e-4 * norm, `gradient of ${name} [${i}]`),
        );
      }
      // Row p of our logits is what position p − 1 says comes next.
      const [rows, length] = batch.inputIds.shape as [number, number];
      const whole = tensors.get(`${input}.logits`)!;
      const [, listed, vocabulary] = whole.shape as [number, number, number];
      const step = Math.round(length / listed);
      for (let row = 0; row < rows; row++) {
        for (let place = 0; place < listed; place++) {
          const position = place * step;
          if (position + 1 >= length || batch.attentionMask.data[row * length + position] === 0) continue;
          const ours = (row * length + position + 1) * vocabulary;
          const theirs = (row * listed + place) * vocabulary;
          closeTo(
            numbers(logits).subarray(ours, ours + vocabulary),
            whole.data.subarray(theirs, theirs + vocabulary),
            1e-4,
            `logits of row ${row}, position ${position}`,
          );
        }
      }
    },
  );
}

testEveryLlama(
  "the configs of transformers 4 and 5 say the same, and their rotary angles are transformers'",
  ["config.json", "config.v4.json", "rotary.json"],
  () => ["rotary"],
  (fixture) => {
    const read = (file: string) => {
      const value = fixture.read<{ model_type: "llama" }>(file);
      return parseLlamaConfig(value.model_type, value, file);
    };
    const config = read("config.json");
    assert.deepEqual(read("config.v4.json"), config);
    const { positions, inv_freq, cos, sin } = fixture.read<{
      positions: number[];
      inv_freq: number[];
      cos: number[][];
      sin: number[][];
    }>("rotary.json");
    closeTo(rotaryFrequencies(config.rope, config.headDim), inv_freq, 1e-7, "frequencies");
    const angles = tf.tidy(() => {
      const { cos, sin } = anglesOf(config, tf.tensor1d(positions, "int32"));
      return { cos: cos.arraySync(), sin: sin.arraySync() };
    });
    const half = config.headDim / 2;
    positions.forEach((position, i) => {
      closeTo(angles.cos[i]!, cos[i]!.slice(0, half), 2e-5, `cos at ${position}`);
      closeTo(angles.sin[i]!, sin[i]!.slice(0, half), 2e-5, `sin at ${position}`);
    });
  },
);
