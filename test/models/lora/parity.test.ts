import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import {
  adamW,
  clipFactor,
  DEFAULT_ADAMW,
  findTrainable,
  float32Tensor,
  globalNorm,
  loraLinear,
  meanLoss,
  type Moments,
  type NamedTensors,
  type ParameterMap,
  t5,
} from "../../../src";
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
    const map = (of: (key: string) => ArrayLike<number>): ParameterMap =>
      new Map(
        trained.map((key) => [key, float32Tensor(parameters.get(key)!.shape, Float32Array.from(of(key)))]),
      );
    const current = map((key) => parameters.get(key)!.data);
    const zeros = () => map((key) => new Float32Array(parameters.get(key)!.data.length));
    const moments: Moments = { first: zeros(), second: zeros() };
    const options = {
      ...DEFAULT_ADAMW,
      weightDecay: train.wd,
      maxGradNorm: train.clip,
      decays: () => true,
    };
    for (let t = 0; t < train.steps; t++) {
      const batch = tinyBatch(train.order[t % train.order.length]!);
      const { value, grads } = tf.tidy(() => {
        const all: NamedTensors = Object.fromEntries(
          [...parameters, ...current].map(([key, { shape, data }]) => [key, tf.tensor(data, [...shape])]),
        );
        const loss = (...values: tf.Tensor[]) => {
          const now = { ...all };
          trained.forEach((key, i) => (now[key] = values[i]!));
          return meanLoss(t5(config, now, { linear: loraLinear(now, lora.config) }), batch);
        };
        const { value, grads } = tf.valueAndGrads(loss)(trained.map((key) => all[key]!));
        return { value: value.dataSync()[0]!, grads: grads.map((grad) => grad.dataSync() as Float32Array) };
      });
      const gradients = map((key) => grads[trained.indexOf(key)]!);
      closeTo(
        [value],
        [train.loss_f64[t]!],
        tolerance(train.loss_f32, train.loss_f64),
        `loss of step ${t + 1}`,
      );
      const gradNorm = globalNorm(gradients);
      closeTo(
        [gradNorm],
        [train.grad_norm_f64[t]!],
        tolerance(train.grad_norm_f32, train.grad_norm_f64),
        `norm of step ${t + 1}`,
      );
      const gradientScale = clipFactor(gradNorm, train.clip);
      const learningRate = train.lr * (1 - t / train.steps);
      adamW(current, gradients, moments, { step: t + 1, learningRate, gradientScale }, options);
    }
    for (const key of trained) closeTo(current.get(key)!.data, train.final_params_f64[key]!.data, 1e-5, key);
  });
}

function norm(values: readonly number[]): number {
  return Math.hypot(...values);
}
