import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import type { Device } from "../../src/engine/devices";
import { readJson } from "../../src/io/files";
import { readModelDirectory } from "../../src/models/pretrained/read";
import { DEFAULT_LORA, type LoraConfig } from "../../src/models/lora/config";
import { type LabelledBatch, meanLoss } from "../../src/models/language-model";
import { linearChain, type NamedTensors } from "../../src/models/layers/linear";
import { loraLink } from "../../src/models/lora/linear";
import { findTrainable } from "../../src/models/lora/trainable";
import { parseT5Config, type T5Config } from "../../src/models/t5/config";
import { t5Architecture } from "../../src/models/t5/architecture";
import { decode, encode, logits, shiftRight, t5 } from "../../src/models/t5/model";
import { parameterShapes } from "../../src/models/t5/parameters";
import { float32Tensor, type HostTensor } from "../../src/tensors/tensor";
import { fixtures, lacking, t5Folders } from "../reference";
import { on } from "../engine/device";

/** A tensor in the fixtures' JSON. */
export interface Listed {
  readonly shape: number[];
  readonly data: number[];
}

/** What one batch gives, in float64; `long` batches list less. */
interface CaseValues {
  readonly loss_f64: number;
  readonly max_abs_grad_diff_f32_f64: number;
  readonly logits_f64: { shape: number[]; data?: number[]; first_row_last_pos?: number[] };
  readonly encoder_last_hidden_f64: Listed | null;
  /** Whole gradients, or their first entries. */
  readonly grads_f64: Record<string, Listed | number[]>;
  readonly grad_norms_f64: Record<string, number>;
}

interface TrainedSteps {
  readonly lr: number;
  readonly wd: number;
  readonly steps: number;
  readonly clip: number;
  /** The batches in turn, from the first again after the last. */
  readonly order: string[];
  readonly loss_f32: number[];
  readonly loss_f64: number[];
  readonly grad_norm_f32: number[];
  readonly grad_norm_f64: number[];
  readonly final_params_f64: Record<string, Listed>;
}

interface CaseFile {
  readonly cases: Record<string, CaseValues>;
  readonly lora?: {
    r: number;
    alpha: number;
    scaling: number;
    targets: string[];
    modules_to_save: string[] | null;
  };
  readonly lora_weights?: Record<string, Listed>;
  readonly trainable?: string[];
  readonly train?: TrainedSteps;
}

/** A case by our names: everything trained, or an adapter with what is saved and unfrozen beside it. */
export interface T5Case {
  readonly config: T5Config;
  readonly lora: LoraConfig | null;
  /** Base and adapter parameters. */
  readonly parameters: Map<string, HostTensor<"float32">>;
  readonly trained: string[];
  readonly cases: Record<string, CaseValues>;
  readonly train?: TrainedSteps;
}

/** One folder of tiny-t5's form. */
export class T5Fixture {
  readonly name: string;
  readonly directory: string;
  /** The names of its `case_*.json`, without ending. */
  readonly cases: string[];

  constructor({ name, directory }: { name: string; directory: string }) {
    this.name = name;
    this.directory = directory;
    this.cases = this.files(/^(case_.*)\.json$/);
  }

  /** What `pattern` captures of the names that match it. */
  files(pattern: RegExp): string[] {
    return readdirSync(this.directory)
      .flatMap((file) => pattern.exec(file)?.[1] ?? [])
      .sort();
  }

  read<T>(name: string): T {
    return readJson(join(this.directory, name)) as T;
  }

  config(): T5Config {
    return parseT5Config(this.read("config.json"));
  }

  base(): Map<string, HostTensor<"float32">> {
    return new Map(readModelDirectory(this.directory).parameters);
  }

  /** A batch of `inputs.json`. */
  batch(name: string): Record<"inputIds" | "attentionMask" | "labels", HostTensor<"int32">> {
    const parts = this.read<Record<string, Record<string, Listed>>>("inputs.json")[name];
    assert.ok(parts, `inputs.json of ${this.directory} has no batch ${name}`);
    const part = (key: string) => {
      const { shape, data } = parts[key]!;
      return { dtype: "int32" as const, shape, data: Int32Array.from(data) };
    };
    return { inputIds: part("input_ids"), attentionMask: part("attention_mask"), labels: part("labels") };
  }

  case(name: string): T5Case {
    const file = this.read<CaseFile>(`${name}.json`);
    const base = this.base();
    const adapter = Object.entries(renamed(file.lora_weights ?? {})).map(
      ([key, { shape, data }]) => [key, float32Tensor(shape, Float32Array.from(data))] as const,
    );
    return {
      config: this.config(),
      lora: file.lora ? loraOf(file.lora) : null,
      parameters: new Map([...base, ...adapter]),
      trained: file.trainable?.map(ourName) ?? [...base.keys()],
      cases: Object.fromEntries(
        Object.entries(file.cases).map(([input, values]) => [
          input,
          {
            ...values,
            grads_f64: renamed(values.grads_f64),
            grad_norms_f64: renamed(values.grad_norms_f64),
          },
        ]),
      ),
      ...(file.train && {
        train: { ...file.train, final_params_f64: renamed(file.train.final_params_f64) },
      }),
    };
  }
}

function loraOf({ r, alpha, scaling, targets, modules_to_save }: NonNullable<CaseFile["lora"]>): LoraConfig {
  const lora = { ...DEFAULT_LORA, rank: r, alpha, dropout: 0, targetModules: targets };
  const useRslora = Math.abs(scaling - alpha / r) > 1e-9;
  return { ...lora, useRslora, modulesToSave: modules_to_save ?? [] };
}

/** PEFT's names inside a wrapped model, as ours: `…q.lora_A.default.weight` is `…q.lora_A.weight`. */
function ourName(name: string): string {
  return name
    .replace("base_model.model.", "")
    .replace(".base_layer.", ".")
    .replace(".modules_to_save.default.", ".")
    .replace(".default.", ".");
}

const renamed = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [ourName(key), value]));

/** The folders of tiny-t5's form. */
export const t5Fixtures = t5Folders().map((folder) => new T5Fixture(folder));

/**
 * Registers a test for every folder of tiny-t5's form and, within it, every part that `parts` finds there. A folder that
 * lacks `files` or has no such part is listed as skipped, and so is a place without such folders.
 */
export function testEveryT5(
  what: string,
  files: string[],
  parts: (fixture: T5Fixture) => string[],
  body: (fixture: T5Fixture, part: string) => void | Promise<void>,
): void {
  if (t5Fixtures.length === 0) test(what, { skip: `no folder of ${fixtures} holds a T5` }, () => {});
  for (const fixture of t5Fixtures) {
    const skip = lacking(fixture.directory, "model.safetensors", ...files);
    const found = skip ? [] : parts(fixture);
    if (found.length === 0) {
      const reason = skip || `${fixture.directory} has no part for this test`;
      test(`${fixture.name}: ${what}`, { skip: reason }, () => {});
    }
    for (const part of found) test(`${fixture.name}, ${part}: ${what}`, () => body(fixture, part));
  }
}

/** The cases with an adapter, of a folder. */
export const loraCases = (fixture: T5Fixture): string[] =>
  fixture.cases.filter((name) => fixture.read<CaseFile>(`${name}.json`).lora);

/** The cases with an adapter and steps of training. */
export const trainedCases = (fixture: T5Fixture): string[] =>
  fixture.cases.filter((name) => fixture.read<CaseFile>(`${name}.json`).train);

/** Asserts that what is trained is what the configuration asks for, with the blocks that the file says are unfrozen. */
export function assertTrained({ config, lora, parameters, trained }: T5Case): void {
  const shapes = new Map(
    Object.keys(parameterShapes(config)).map((name) => [name, parameters.get(name)!.shape]),
  );
  const blocks = (stack: string) =>
    new Set(
      trained
        .filter((name) => !name.includes(".lora_"))
        .flatMap((name) => name.match(`^${stack}.block.\\d+`) ?? []),
    ).size;
  const unfreezing = { encoder: blocks("encoder"), decoder: blocks("decoder") };
  const found = findTrainable(t5Architecture, shapes, lora!, unfreezing);
  const adapters = found.targets.flatMap(({ module }) => [
    `${module}.lora_A.weight`,
    `${module}.lora_B.weight`,
  ]);
  assert.deepEqual([...adapters, ...found.saved, ...found.unfrozen].sort(), [...trained].sort());
}

/** Asserts that loss, encoder output, logits and gradients are the file's, for each batch, computed by an engine. */
export async function assertValues(fixture: T5Fixture, name: string, device: Device): Promise<void> {
  const { config, lora, parameters: stored, trained, cases } = fixture.case(name);
  const parameters = Object.fromEntries(stored);
  for (const [input, expected] of Object.entries(cases)) {
    const batch = fixture.batch(input);
    const program = await compile(
      (given) => {
        const all: NamedTensors = given.parameters;
        const tokens = given.batch as unknown as LabelledBatch;
        const model = (weights: NamedTensors) =>
          lora
            ? t5(config, weights, { linear: linearChain(weights, loraLink(weights, lora)) })
            : t5(config, weights);
        const loss = (...values: tf.Tensor[]) =>
          meanLoss(
            model({ ...all, ...Object.fromEntries(trained.map((key, i) => [key, values[i]!])) }),
            tokens,
          );
        const { value, grads } = tf.valueAndGrads(loss)(trained.map((key) => all[key]!));
        const hidden = encode(model(all), tokens.inputIds, tokens.attentionMask);
        const decoded = decode(model(all), shiftRight(config, tokens.labels), hidden, tokens.attentionMask);
        return {
          loss: value,
          hidden,
          logits: logits(model(all), decoded),
          gradients: Object.fromEntries(trained.map((key, i) => [key, grads[i]!])),
        };
      },
      { parameters, batch },
      on(device),
    );
    const results = await program.run({ parameters, batch });
    await program.dispose();
    const place = (what: string) => `${name}, ${input}, ${what}`;
    const numbers = (tensor: { data: unknown }) => tensor.data as Float32Array;
    closeTo(numbers(results.loss), [expected.loss_f64], 1e-5, place("loss"));
    const hidden = expected.encoder_last_hidden_f64;
    if (hidden) closeTo(numbers(results.hidden), hidden.data, 1e-5, place("encoder output"));
    const { shape, data, first_row_last_pos: last } = expected.logits_f64;
    const found = numbers(results.logits);
    assert.equal(found.length, shape[0]! * shape[1]! * shape[2]!, place("logits"));
    if (data) closeTo(found, data, 1e-5, place("logits"));
    if (last)
      closeTo(found.slice((shape[1]! - 1) * shape[2]!, shape[1]! * shape[2]!), last, 1e-5, place("logits"));
    const bar = Math.max(1e-5, 2 * expected.max_abs_grad_diff_f32_f64);
    assert.deepEqual(Object.keys(expected.grads_f64).sort(), [...trained].sort());
    for (const [parameter, gradient] of Object.entries(expected.grads_f64)) {
      const actual = numbers(results.gradients[parameter]!);
      const [entries, whole] = Array.isArray(gradient) ? [gradient, false] : [gradient.data, true];
      closeTo(
        whole ? actual : actual.slice(0, entries.length),
        entries,
        bar,
        place(`gradient of ${parameter}`),
      );
      const norm = expected.grad_norms_f64[parameter]!;
      closeTo([Math.hypot(...actual)], [norm], bar, place(`gradient norm of ${parameter}`));
    }
  }
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
