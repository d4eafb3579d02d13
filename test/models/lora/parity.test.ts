import * as tf from "@tensorflow/tfjs";
import type { Device } from "../../../src/engine/devices";
import { meanLoss, type LabelledBatch } from "../../../src/models/language-model";
import { linearChain } from "../../../src/models/layers/linear";
import { loraLink } from "../../../src/models/lora/linear";
import { t5 } from "../../../src/models/t5/model";
import { float32Tensor } from "../../../src/tensors/tensor";
import { adamW, clipFactor, DEFAULT_ADAMW, globalNorm, type Moments } from "../../../src/training/adamw";
import type { NamedTensors } from "../../../src/models/layers/linear";
import type { ParameterMap } from "../../../src/training/policy";
import {
  assertTrained,
  assertValues,
  closeTo,
  loraCases,
  type T5Case,
  testEveryT5,
  tolerance,
  trainedCases,
} from "../t5-fixtures";

testEveryT5("what is trained is what the configuration names", ["inputs.json"], loraCases, (fixture, name) =>
  assertTrained(fixture.case(name)),
);

for (const device of ["cpu", "tfjs-cpu"] as Device[]) {
  testEveryT5(
    `losses, outputs and gradients equal PEFT's on ${device}`,
    ["inputs.json"],
    loraCases,
    (fixture, name) => assertValues(fixture, name, device),
  );
}

testEveryT5(
  "steps of AdamW, taken one by one, end where PyTorch's do",
  ["inputs.json"],
  (fixture) => trainedCases(fixture).filter((name) => loraCases(fixture).includes(name)),
  async (fixture, name) => {
    await tf.setBackend("cpu");
    const { config, lora, parameters, trained, train } = fixture.case(name) as Required<T5Case>;
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
      const stored = fixture.batch(train.order[t % train.order.length]!);
      const { value, grads } = tf.tidy(() => {
        const batch = Object.fromEntries(
          Object.entries(stored).map(([key, { shape, data }]) => [key, tf.tensor(data, [...shape], "int32")]),
        ) as unknown as LabelledBatch;
        const all: NamedTensors = Object.fromEntries(
          [...parameters, ...current].map(([key, { shape, data }]) => [key, tf.tensor(data, [...shape])]),
        );
        const loss = (...values: tf.Tensor[]) => {
          const now = { ...all };
          trained.forEach((key, i) => (now[key] = values[i]!));
          return meanLoss(t5(config, now, { linear: linearChain(now, loraLink(now, lora!)) }), batch);
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
  },
);
