import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import {
  DEFAULT_LORA,
  float32Tensor,
  type HostTensor,
  type LoraConfig,
  parseT5Config,
  readSafetensors,
  type T5Batch,
  type T5Config,
} from "../../../src";

const directory = join(__dirname, "../../../../shared/fixtures/tiny-t5");
/** Why tests over the fixtures are skipped, or false. */
export const skip = existsSync(directory) ? false : "../shared/fixtures/tiny-t5 is not here";
export const loraCases = ["case_lora_qv", "case_lora_all", "case_lora_all_head_enclast"];

export interface Listed {
  readonly shape: number[];
  readonly data: number[];
}

export interface LoraCase {
  readonly config: T5Config;
  readonly lora: { config: LoraConfig; unfrozenBlocks: number };
  /** Base and adapter parameters, by our names. */
  readonly parameters: Map<string, HostTensor<"float32">>;
  /** Shapes of the base model's parameters. */
  readonly shapes: Map<string, readonly number[]>;
  readonly trained: string[];
  readonly cases: Record<
    string,
    { loss_f64: number; grad_norms_f64: Record<string, number>; grads_f64: Record<string, number[]> }
  >;
  readonly train: {
    lr: number;
    wd: number;
    steps: number;
    clip: number;
    order: string[];
    loss_f32: number[];
    loss_f64: number[];
    grad_norm_f32: number[];
    grad_norm_f64: number[];
    final_params_f64: Record<string, Listed>;
  };
}

export const fixture = (name: string): any => JSON.parse(readFileSync(join(directory, name), "utf8"));
export const baseWeights = () =>
  readSafetensors(join(directory, "model.safetensors")).tensors as Map<string, HostTensor<"float32">>;

/** PEFT's names inside a wrapped model, as ours: `…q.lora_A.default.weight` is `…q.lora_A.weight`. */
export function ourName(name: string): string {
  return name
    .replace("base_model.model.", "")
    .replace(".base_layer.", ".")
    .replace(".modules_to_save.default.", ".")
    .replace(".default.", ".");
}

export function loraCase(name: string): LoraCase {
  const file = fixture(`${name}.json`);
  const renamed = <T>(record: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [ourName(key), value]));
  const base = baseWeights();
  const adapter = Object.entries(renamed(file.lora_weights as Record<string, Listed>)).map(
    ([key, { shape, data }]) => [key, float32Tensor(shape, Float32Array.from(data))] as const,
  );
  const cases = Object.fromEntries(
    Object.entries(file.cases as Record<string, any>).map(([input, values]) => [
      input,
      {
        loss_f64: values.loss_f64,
        grad_norms_f64: renamed<number>(values.grad_norms_f64),
        // Whole gradients for `small`, the first entries for the others.
        grads_f64: Object.fromEntries(
          Object.entries(renamed<number[] | Listed>(values.grads_f64)).map(([key, value]) => [
            key,
            Array.isArray(value) ? value : value.data,
          ]),
        ),
      },
    ]),
  );
  return {
    config: parseT5Config(fixture("config.json")),
    lora: {
      config: {
        ...DEFAULT_LORA,
        rank: file.lora.r,
        alpha: file.lora.alpha,
        dropout: 0,
        targetModules: file.lora.targets,
        modulesToSave: file.lora.modules_to_save ?? [],
      },
      unfrozenBlocks: file.lora.unfrozen_encoder_block === null ? 0 : 1,
    },
    parameters: new Map([...base, ...adapter]),
    shapes: new Map([...base].map(([key, { shape }]) => [key, shape])),
    trained: (file.trainable as string[]).map(ourName),
    cases,
    train: { ...file.train, final_params_f64: renamed(file.train.final_params_f64) },
  };
}

/** A batch of `inputs.json` as tensors. */
export function tinyBatch(name: string): T5Batch {
  const part = (key: string) => {
    const { shape, data } = fixture("inputs.json")[name][key] as Listed;
    return tf.tensor2d(data, shape as [number, number], "int32");
  };
  return { inputIds: part("input_ids"), attentionMask: part("attention_mask"), labels: part("labels") };
}

/** Asserts |actual − expected| ≤ tolerance · max(1, |expected|) for every element. */
export function closeTo(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const bound = tolerance * Math.max(1, Math.abs(expected[i]!));
    assert.ok(
      Math.abs(actual[i]! - expected[i]!) <= bound,
      `${what} [${i}]: ${actual[i]}, expected ${expected[i]}`,
    );
  }
}

/** 1e-5; or, where PyTorch's own float32 run strays further from its float64 run, twice as far as it does. */
export function tolerance(float32: readonly number[], float64: readonly number[]): number {
  return Math.max(1e-5, ...float64.map((value, i) => 2 * Math.abs(float32[i]! / value - 1)));
}
