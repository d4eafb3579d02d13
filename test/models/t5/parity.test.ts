import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile, type EngineName, type ProgramTensor } from "../../../src/engine";
import { readJson } from "../../../src/io";
import { readSafetensors } from "../../../src/models/safetensors";
import {
  decode,
  encode,
  logits,
  meanLoss,
  parameterShapes,
  parseT5Config,
  relativePositionBucket,
  shiftRight,
  t5,
} from "../../../src/models/t5";

const fixture = join(__dirname, "../../../../shared/fixtures/tiny-t5");
const skip = existsSync(fixture) ? false : "the fixtures (../shared/fixtures/tiny-t5) are not here";

interface Numbers {
  shape: number[];
  data: number[];
}
interface Case {
  loss_f64: number;
  logits_f64: { shape: number[]; data?: number[]; first_row_last_pos?: number[] };
  encoder_last_hidden_f64: Numbers | null;
  grads_f64: Record<string, Numbers | number[]>;
  grad_norms_f64: Record<string, number>;
}

const int32 = ({ shape, data }: Numbers): ProgramTensor => ({
  dtype: "int32",
  shape,
  data: Int32Array.from(data),
});
const worst = (actual: ArrayLike<number>, expected: readonly number[]) =>
  expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
const norm = (data: ArrayLike<number>) =>
  Math.sqrt(Array.from(data).reduce((sum, value) => sum + value * value, 0));

describe("tiny T5 equals Hugging Face transformers to 1e-5", { skip }, () => {
  const read = (name: string) => readJson(join(fixture, name));
  for (const engine of ["onnx", "cpu", "wasm"] as EngineName[]) {
    for (const name of ["small", "long", "nopad"]) {
      test(`${name} on ${engine}`, async () => {
        const config = parseT5Config(read("config.json"));
        const { tensors } = readSafetensors(join(fixture, "model.safetensors"));
        const names = Object.keys(parameterShapes(config));
        const parameters = Object.fromEntries(
          names.map((name) => [name, tensors.get(name) as ProgramTensor]),
        );
        const given = (read("inputs.json") as Record<string, Record<string, Numbers>>)[name]!;
        const batch = {
          inputIds: int32(given.input_ids!),
          attentionMask: int32(given.attention_mask!),
          labels: int32(given.labels!),
        };
        const expected = (read("case_full.json") as { cases: Record<string, Case> }).cases[name]!;
        const program = await compile(
          ({ parameters, batch }) => {
            const tokens = batch as unknown as Record<keyof typeof batch, tf.Tensor2D>;
            const loss = (...weights: tf.Tensor[]) =>
              meanLoss(t5(config, Object.fromEntries(names.map((name, i) => [name, weights[i]!]))), tokens);
            const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => parameters[name]!));
            const model = t5(config, parameters);
            const hidden = encode(model, tokens.inputIds, tokens.attentionMask);
            const decoded = decode(model, shiftRight(config, tokens.labels), hidden, tokens.attentionMask);
            return {
              loss: value,
              hidden,
              logits: logits(model, decoded),
              gradients: Object.fromEntries(names.map((name, i) => [name, grads[i]!])),
            };
          },
          { parameters, batch },
          { engine },
        );
        const results = await program.run({ parameters, batch });
        await program.dispose();
        const near = (actual: ArrayLike<number>, expected: readonly number[], what: string) => {
          const distance = worst(actual, expected);
          assert.ok(distance < 1e-5, `${what} is off by ${distance}`);
        };
        near(results.loss.data as Float32Array, [expected.loss_f64], "loss");
        if (expected.encoder_last_hidden_f64) {
          near(results.hidden.data as Float32Array, expected.encoder_last_hidden_f64.data, "encoder output");
        }
        if (expected.logits_f64.data)
          near(results.logits.data as Float32Array, expected.logits_f64.data, "logits");
        for (const [name, gradient] of Object.entries(expected.grads_f64)) {
          const actual = results.gradients[name]!.data as Float32Array;
          near(actual, Array.isArray(gradient) ? gradient : gradient.data, `gradient of ${name}`);
          near([norm(actual)], [expected.grad_norms_f64[name]!], `gradient norm of ${name}`);
        }
      });
    }
  }

  test("position buckets", () => {
    const { rel, bidirectional, causal } = read("relative_buckets.json") as Record<string, number[]>;
    rel!.forEach((position, i) => {
      assert.equal(relativePositionBucket(position, true, 32, 128), bidirectional![i]);
      assert.equal(relativePositionBucket(position, false, 32, 128), causal![i]);
    });
  });
});
