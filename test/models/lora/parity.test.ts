import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { findTrainable, loraLinear, meanLoss, t5 } from "../../../src";
import { adamW, clipFactor, DEFAULT_ADAMW, globalNorm, type Moments, type NamedTensors } from "../../../src";
import { closeTo, loraCase, loraCases, skip, tinyBatch, tolerance } from "./fixtures";

before(async () => {
  await tf.setBackend("cpu");
});

for (const name of loraCases) {
  test(`${name}: losses and gradients equal PEFT's`, { skip }, () => {
    const { config, lora, shapes, parameters, trained, cases } = loraCase(name);
    const found = findTrainable(shapes, lora.config, {
      encoderBlocks: lora.unfrozenBlocks,
      decoderBlocks: 0,
    });
    assert.equal(2 * found.targets.length + found.saved.length + found.unfrozen.length, trained.length);
    for (const input of ["small", "long", "nopad"]) {
      const { value, grads } = lossAndGradients(input);
      const expected = cases[input]!;
      closeTo([value], [expected.loss_f64], 1e-5, `${input} loss`);
      for (const parameter of trained) {
        const gradient = grads[parameter]!;
        closeTo([norm(gradient)], [expected.grad_norms_f64[parameter]!], 1e-5, `${input} ${parameter}`);
        const entries = expected.grads_f64[parameter]!;
        closeTo(gradient.slice(0, entries.length), entries, 1e-5, `${input} ${parameter}`);
      }
    }

    function lossAndGradients(input: string) {
      return tf.tidy(() => {
        const tensors = new Map(
          [...parameters].map(([key, { shape, data }]) => [key, tf.tensor(data, [...shape])]),
        );
        const batch = tinyBatch(input);
        const loss = (...values: tf.Tensor[]) => {
          const all = Object.fromEntries(tensors);
          trained.forEach((key, i) => (all[key] = values[i]!));
          return meanLoss(t5(config, all, { linear: loraLinear(all, lora.config) }), batch);
        };
        const { value, grads } = tf.valueAndGrads(loss)(trained.map((key) => tensors.get(key)!));
        return {
          value: value.dataSync()[0]!,
          grads: Object.fromEntries(trained.map((key, i) => [key, [...grads[i]!.dataSync()]])),
        };
      });
    }
  });

  test(`${name}: six steps of AdamW end where PyTorch's do`, { skip }, () => {
    const { config, lora, parameters, trained, train } = loraCase(name);
    tf.tidy(() => {
      const all: NamedTensors = Object.fromEntries(
        [...parameters].map(([key, { shape, data }]) => [key, tf.tensor(data, [...shape])]),
      );
      const zeros = () => Object.fromEntries(trained.map((key) => [key, tf.zerosLike(all[key]!)]));
      let moments: Moments = { first: zeros(), second: zeros() };
      for (let t = 0; t < train.steps; t++) {
        const batch = tinyBatch(train.order[t % train.order.length]!);
        const loss = (...values: tf.Tensor[]) => {
          const current = { ...all };
          trained.forEach((key, i) => (current[key] = values[i]!));
          return meanLoss(t5(config, current, { linear: loraLinear(current, lora.config) }), batch);
        };
        const { value, grads } = tf.valueAndGrads(loss)(trained.map((key) => all[key]!));
        closeTo(
          [value.dataSync()[0]!],
          [train.loss_f64[t]!],
          tolerance(train.loss_f32, train.loss_f64),
          `loss of step ${t + 1}`,
        );
        const options = {
          ...DEFAULT_ADAMW,
          weightDecay: train.wd,
          maxGradNorm: train.clip,
          decays: () => true,
        };
        const gradients = Object.fromEntries(trained.map((key, i) => [key, grads[i]!]));
        const gradNorm = globalNorm(gradients).dataSync()[0]!;
        const step = {
          gradientScale: tf.scalar(clipFactor(gradNorm, train.clip)),
          learningRate: tf.scalar(train.lr * (1 - t / train.steps)),
          correction1: tf.scalar(1 - options.beta1 ** (t + 1)),
          correction2: tf.scalar(1 - options.beta2 ** (t + 1)),
        };
        const result = adamW(
          Object.fromEntries(trained.map((key) => [key, all[key]!])),
          gradients,
          moments,
          step,
          options,
        );
        closeTo(
          [gradNorm],
          [train.grad_norm_f64[t]!],
          tolerance(train.grad_norm_f32, train.grad_norm_f64),
          `norm of step ${t + 1}`,
        );
        Object.assign(all, result.parameters);
        moments = result.moments;
      }
      for (const key of trained) closeTo(all[key]!.dataSync(), train.final_params_f64[key]!.data, 1e-5, key);
    });
  });
}

function norm(values: readonly number[]): number {
  return Math.hypot(...values);
}
