import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readJson } from "../../src/io/files";
import { readModelDirectory } from "../../src/models/pretrained/read";
import { type HostTensor, int32Tensor } from "../../src/tensors/tensor";
import { readSafetensors } from "../../src/tensors/file";
import { fixtures, lacking } from "../reference";

/** What is listed of a tensor: its L2 norm, its sum, and the entries at floor(k (n − 1) / 7), k = 0 … 7, or all of few. */
export interface Summary {
  readonly norm: number;
  readonly sum: number;
  readonly entries: number[];
}

type Rows = number[][];

/** A batch of `inputs.json`. */
interface Inputs {
  readonly input_ids: Rows;
  readonly attention_mask?: Rows;
  readonly segment_ids?: Rows;
  readonly labels: Rows;
}

/** A folder of tiny-llama's form with one model in it. */
export class LlamaFixture {
  constructor(
    readonly name: string,
    readonly directory: string,
  ) {}

  read<T>(name: string): T {
    return readJson(join(this.directory, name)) as T;
  }

  tensors(name: string): ReadonlyMap<string, HostTensor<"float32">> {
    return readSafetensors(join(this.directory, name)).tensors as ReadonlyMap<string, HostTensor<"float32">>;
  }

  model() {
    return readModelDirectory(this.directory);
  }

  /** The names of its batches. */
  get batches(): string[] {
    return Object.keys(this.read<object>("inputs.json"));
  }

  /** A batch, with no label on the first token of a sequence, which nothing is before. */
  batch(name: string): Record<"inputIds" | "attentionMask" | "labels", HostTensor<"int32">> {
    const inputs = this.read<Record<string, Inputs>>("inputs.json")[name];
    assert.ok(inputs, `inputs.json of ${this.directory} has no batch ${name}`);
    const tensor = (rows: Rows) => int32Tensor([rows.length, rows[0]!.length], Int32Array.from(rows.flat()));
    return {
      inputIds: tensor(inputs.input_ids),
      attentionMask: tensor(inputs.segment_ids ?? inputs.attention_mask!),
      labels: tensor(inputs.labels.map(([, ...others]) => [-100, ...others])),
    };
  }

  /** The adapters of a kind of file: folders that hold it. */
  folders(file: string): string[] {
    return readdirSync(this.directory)
      .filter((name) => existsSync(join(this.directory, name, file)))
      .sort();
  }
}

/** The folders of tiny-llama's form: those beside an index.json that lists them. */
export const llamaFixtures: readonly LlamaFixture[] = readdirSync(fixtures, {
  recursive: true,
  encoding: "utf8",
})
  .filter((file) => file.endsWith("index.json"))
  .flatMap((file) => {
    const index = readJson(join(fixtures, file)) as { models?: Record<string, unknown> };
    const folder = dirname(join(fixtures, file));
    return Object.keys(index.models ?? {}).map(
      (name) => new LlamaFixture(`${dirname(file)}/${name}`, join(folder, name)),
    );
  });

/** Registers a test for every model and, within it, every part that `parts` finds; what a folder lacks is listed as skipped. */
export function testEveryLlama(
  what: string,
  files: string[],
  parts: (fixture: LlamaFixture) => string[],
  body: (fixture: LlamaFixture, part: string) => void | Promise<void>,
): void {
  if (llamaFixtures.length === 0) test(what, { skip: `no folder of ${fixtures} lists Llamas` }, () => {});
  for (const fixture of llamaFixtures) {
    const skip = lacking(fixture.directory, ...files);
    const found = skip ? [] : parts(fixture);
    if (found.length === 0) {
      const reason = skip || `${fixture.directory} has no part for this test`;
      test(`${fixture.name}: ${what}`, { skip: reason }, () => {});
    }
    for (const part of found) test(`${fixture.name}, ${part}: ${what}`, () => body(fixture, part));
  }
}

/** Asserts |actual − expected| ≤ tolerance · (1 + |expected|) for every element. */
export function closeTo(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const bound = tolerance * (1 + Math.abs(expected[i]!));
    assert.ok(
      Math.abs(actual[i]! - expected[i]!) <= bound,
      `${what} [${i}]: ${actual[i]}, expected ${expected[i]}`,
    );
  }
}

/** Asserts that a tensor is the one summarised, within `share` of its norm. */
export function matchesSummary(
  actual: ArrayLike<number>,
  { norm, sum, entries }: Summary,
  share: number,
  what: string,
) {
  const values = Array.from(actual);
  const bound = share * norm;
  const near = (value: number, expected: number, slack: number, part: string) =>
    assert.ok(
      Math.abs(value - expected) <= slack,
      `${what}, ${part}: ${value}, expected ${expected} ± ${slack}`,
    );
  near(Math.hypot(...values), norm, bound, "norm");
  near(
    values.reduce((total, value) => total + value, 0),
    sum,
    bound * Math.sqrt(values.length),
    "sum",
  );
  const last = values.length - 1;
  entries.forEach((entry, k) =>
    near(values[entries.length < 8 ? k : Math.floor((k * last) / 7)]!, entry, bound, `entry ${k}`),
  );
}
