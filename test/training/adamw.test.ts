import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/random/random";
import { float32Tensor } from "../../src/tensors/tensor";
import {
  adamW,
  type AdamWOptions,
  clipFactor,
  DEFAULT_ADAMW,
  globalNorm,
  isDecayed,
} from "../../src/training/adamw";

/** The same update for one list of numbers, in double precision and written without tensors. */
function reference(
  steps: readonly (readonly number[])[],
  start: readonly number[],
  rate: number,
  options: AdamWOptions,
  decayed: boolean,
) {
  const p = [...start];
  const m = p.map(() => 0);
  const v = p.map(() => 0);
  const norms = steps.map((gradient, t) => {
    const norm = Math.hypot(...gradient);
    const scale = options.maxGradNorm > 0 ? Math.min(1, options.maxGradNorm / (norm + 1e-6)) : 1;
    gradient.forEach((raw, i) => {
      const g = raw * scale;
      m[i] = options.beta1 * m[i]! + (1 - options.beta1) * g;
      v[i] = options.beta2 * v[i]! + (1 - options.beta2) * g * g;
      const mHat = m[i]! / (1 - options.beta1 ** (t + 1));
      const vHat = v[i]! / (1 - options.beta2 ** (t + 1));
      if (decayed) p[i]! -= rate * options.weightDecay * p[i]!;
      p[i]! -= (rate * mHat) / (Math.sqrt(vHat) + options.epsilon);
    });
    return norm;
  });
  return { p, norms };
}

for (const [name, maxGradNorm] of [
  ["a.weight", 1],
  ["a.weight", 0],
  ["a.layer_norm.weight", 1],
] as const) {
  test(`five steps on ${name} with clipping at ${maxGradNorm} equal the formula`, () => {
    const random = new Random(4);
    const draw = () => Array.from({ length: 6 }, () => random.normal());
    const options = { ...DEFAULT_ADAMW, weightDecay: 0.1, maxGradNorm };
    const start = draw();
    const gradients = Array.from({ length: 5 }, (_, t) => draw().map((x) => x * (t === 2 ? 0.01 : 3)));
    const map = (values: readonly number[]) =>
      new Map([[name, float32Tensor([6], Float32Array.from(values))]]);
    const zeros = start.map(() => 0);
    const parameters = map(start);
    const moments = { first: map(zeros), second: map(zeros) };
    const norms = gradients.map((gradient, t) => {
      const norm = globalNorm(map(gradient));
      const step = { step: t + 1, learningRate: 0.05, gradientScale: clipFactor(norm, maxGradNorm) };
      adamW(parameters, map(gradient), moments, step, options);
      return norm;
    });
    const expected = reference(gradients, start, 0.05, options, isDecayed(name));
    const close = (actual: ArrayLike<number>, wanted: readonly number[]) =>
      wanted.forEach((value, i) =>
        assert.ok(Math.abs(actual[i]! - value) < 1e-5 * (1 + Math.abs(value)), `${actual[i]} ${value}`),
      );
    close(parameters.get(name)!.data, expected.p);
    close(norms, expected.norms);
  });
}

test("the global norm is taken over all parameters together", () => {
  const gradients = new Map([
    ["a", float32Tensor([1], Float32Array.of(1))],
    ["b", float32Tensor([1, 6], Float32Array.of(2, 0, 0, 0, 4, 2))],
  ]);
  assert.equal(globalNorm(gradients), 5);
});

test("clipping leaves short gradients, brings long ones to the limit, and 0 is no limit", () => {
  assert.equal(clipFactor(0.5, 1), 1);
  assert.ok(Math.abs(clipFactor(10, 1) * 10 - 1) < 1e-6);
  assert.equal(clipFactor(10, 0), 1);
});

test("norms and biases are not decayed", () => {
  assert.deepEqual(
    [
      "encoder.final_layer_norm.weight",
      "x.bias",
      "x.layer_norm.weight",
      "model.layers.0.input_layernorm.weight",
      "model.layers.0.post_attention_layernorm.weight",
      "model.layers.0.self_attn.q_norm.weight",
      "model.norm.weight",
      "lm_head.weight",
      "x.q.lora_A.weight",
    ].map(isDecayed),
    [false, false, false, false, false, false, false, true, true],
  );
});
