import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import { DYNAMIC_VALUES, NF4_VALUES, nf4BlockSize, nf4Product } from "../../src/engine/ops/nf4-product";
import { recordFunction } from "../../src/engine/recording";
import type { ProgramTensor } from "../../src/engine/tensors";
import { Random } from "../../src/random/random";
import { float32Tensor } from "../../src/tensors/tensor";
import { on } from "./device";

test("the map of absmax is bitsandbytes' dynamic type", () => {
  assert.equal(DYNAMIC_VALUES.length, 256);
  const digits = (values: Float32Array) => [...values].map((value) => Number(value.toPrecision(7)));
  assert.deepEqual(digits(DYNAMIC_VALUES.subarray(0, 3)), [-0.9929687, -0.9789063, -0.9648438]);
  assert.deepEqual(
    digits(DYNAMIC_VALUES.subarray(125, 131)),
    [-3.25e-6, -5.5e-7, 0, 5.5e-7, 3.25e-6, 7.75e-6],
  );
  assert.deepEqual(digits(DYNAMIC_VALUES.subarray(253)), [0.9789063, 0.9929687, 1]);
});

test("block sizes follow from the number of blocks", () => {
  assert.equal(nf4BlockSize(640, 10), 64);
  assert.equal(nf4BlockSize(641, 11), 64);
  assert.equal(nf4BlockSize(640, 20), 32);
  assert.equal(nf4BlockSize(5, 1), 64);
  assert.throws(() => nf4BlockSize(640, 5), /5 blocks of NF4 cannot hold 640 weights/);
});

interface Form {
  readonly out: number;
  readonly inputs: number;
  readonly block: 32 | 64;
  readonly nested: boolean;
}

/** Random NF4 weights, as a program's tensors and as the values that they stand for, by definition. */
function weightOf({ out, inputs, block, nested }: Form) {
  const random = new Random(out);
  const count = out * inputs;
  const codes = new Uint8Array(out * Math.ceil(inputs / 2));
  for (let i = 0; i < Math.ceil(count / 2); i++) codes[i] = random.integer(256);
  const blocks = Math.ceil(count / block);
  const absmaxCodes = Uint8Array.from({ length: blocks }, () => random.integer(256));
  const groups = Float32Array.from({ length: Math.ceil(blocks / 256) }, () => 0.1 + random.uniform());
  const offset = Math.fround(0.7);
  const absmax = nested
    ? Float32Array.from(
        absmaxCodes,
        (code, i) => Math.fround(DYNAMIC_VALUES[code]! * groups[i >> 8]!) + offset,
      )
    : Float32Array.from({ length: blocks }, () => random.uniform());
  const values = Float32Array.from({ length: count }, (_, i) => {
    const pair = codes[i >> 1]!;
    return NF4_VALUES[i % 2 ? pair & 15 : pair >> 4]! * absmax[Math.floor(i / block)]!;
  });
  const tensors = {
    codes: { dtype: "uint8", shape: [out, Math.ceil(inputs / 2)], data: codes },
    absmax: nested ? { dtype: "uint8", shape: [blocks], data: absmaxCodes } : float32Tensor([blocks], absmax),
    ...(nested && {
      nested: {
        absmax: float32Tensor([groups.length], groups),
        offset: float32Tensor([1], Float32Array.of(offset)),
      },
    }),
  } as {
    codes: ProgramTensor;
    absmax: ProgramTensor;
    nested?: { absmax: ProgramTensor; offset: ProgramTensor };
  };
  return { values, tensors };
}

const forms: readonly Form[] = [
  { out: 6, inputs: 128, block: 64, nested: true },
  { out: 132, inputs: 130, block: 64, nested: true }, // blocks cross rows, the last is short, two groups of blocks
  { out: 9, inputs: 35, block: 64, nested: true }, // an odd number of weights
  { out: 10, inputs: 35, block: 64, nested: true }, // bytes behind the codes
  { out: 5, inputs: 7, block: 64, nested: false },
  { out: 12, inputs: 50, block: 32, nested: false },
  { out: 1, inputs: 1, block: 64, nested: true },
];
const ROWS = 4;

for (const device of ["cpu", "tfjs-cpu"] as const) {
  for (const form of forms) {
    const { out, inputs } = form;
    const name = `[${out}, ${inputs}] in blocks of ${form.block}${form.nested ? ", nested" : ""}`;
    test(`x Wᵀ and dy W of NF4 weights ${name}, ${device}`, async () => {
      await tf.setBackend("cpu");
      const { values, tensors } = weightOf(form);
      const random = new Random(7);
      const normal = (rows: number, columns: number) =>
        float32Tensor(
          [rows, columns],
          Float32Array.from({ length: rows * columns }, () => random.normal()),
        );
      const x = normal(ROWS, inputs);
      const dy = normal(ROWS, out);
      const unit = float32Tensor(
        [out, out],
        Float32Array.from({ length: out * out }, (_, i) => (i % (out + 1) === 0 ? 1 : 0)),
      );
      const given = { x, dy, unit, rows: normal(out, inputs), weight: tensors };
      const program = await compile(
        ({ x, dy, unit, rows, weight }) => {
          const apply = (x: tf.Tensor) => nf4Product(x as tf.Tensor2D, weight);
          return { y: apply(x), dx: tf.grad(apply)(x, dy), w: tf.grad(apply)(rows, unit) };
        },
        given,
        on(device),
      );
      const { y, dx, w } = await program.run(given);
      await program.dispose();
      assert.deepEqual(w.data, values); // dy = I gives W itself, to the bit
      const near = (actual: ArrayLike<number>, at: number, terms: readonly number[], what: string) => {
        const exact = terms.reduce((sum, term) => sum + term, 0);
        const reach = terms.reduce((sum, term) => sum + Math.abs(term), 0);
        assert.ok(
          Math.abs(actual[at]! - exact) <= 1e-6 * reach,
          `${what}[${at}]: ${actual[at]} for ${exact}`,
        );
      };
      for (let row = 0; row < ROWS; row++) {
        for (let n = 0; n < out; n++) {
          const terms = Array.from(
            { length: inputs },
            (_, k) => x.data[row * inputs + k]! * values[n * inputs + k]!,
          );
          near(y.data as Float32Array, row * out + n, terms, "y");
        }
        for (let k = 0; k < inputs; k++) {
          const terms = Array.from(
            { length: out },
            (_, n) => dy.data[row * out + n]! * values[n * inputs + k]!,
          );
          near(dx.data as Float32Array, row * inputs + k, terms, "dx");
        }
      }
    });
  }
}

test("a recorded product restores W for each direction by itself, and never by transB = 0", () => {
  const spec = { dtype: "float32", shape: [3, 64] } as const;
  const weight = weightOf({ out: 64, inputs: 64, block: 64, nested: true }).tensors;
  const { model } = recordFunction(
    ({ x, weight }) => {
      const twice = (x: tf.Tensor) => nf4Product(nf4Product(x as tf.Tensor2D, weight), weight);
      return { dx: tf.grad(twice)(x) };
    },
    { x: spec, weight },
  );
  const products = model.nodes.filter(({ opType }) => opType === "MatMulBnb4");
  assert.equal(products.length, 2); // dx does not need the values: W is restored once for each dy
  assert.deepEqual([...new Set(products.map(({ attributes }) => attributes["transB"]))], [1]);
  assert.notEqual(products[0]!.inputs[0], products[1]!.inputs[0]);
});
