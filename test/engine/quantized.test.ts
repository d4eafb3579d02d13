import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { FrozenProgram } from "../../src/engine/frozen";
import { type BlockForm, INT8_BLOCKS, matMulQuantized, quantizeMatrix } from "../../src/engine/ops/quantized";
import type { ProgramTensor } from "../../src/engine/tensors";
import { Random } from "../../src/random/random";
import { float32Tensor } from "../../src/tensors/tensor";

const forms: readonly BlockForm[] = [
  INT8_BLOCKS,
  { bits: 8, size: 32 },
  { bits: 4, size: 32 },
  { bits: 4, size: 16 },
  { bits: 4, size: 32, minimums: true },
  { bits: 8, size: 64, minimums: true },
];

/** The codes of a rounded matrix [out, in], row by row, and the values that they stand for. */
function expand(
  { values, scales, minimums }: ReturnType<typeof quantizeMatrix>,
  [out, inputs]: readonly [number, number],
  { bits, size }: BlockForm,
) {
  const blocks = Math.ceil(inputs / size);
  const codes: number[] = [];
  const numbers = new Float32Array(out * inputs);
  for (let i = 0; i < out * inputs; i++) {
    const [row, column] = [Math.floor(i / inputs), i % inputs];
    const place = row * blocks * size + column;
    const byte = values[(place * bits) >> 3]!;
    const code = bits === 8 ? byte : place % 2 === 0 ? byte & 15 : byte >> 4;
    const block = row * blocks + Math.floor(column / size);
    codes.push(code);
    numbers[i] = minimums
      ? code * scales[block]! + minimums[block]!
      : (code - 2 ** (bits - 1)) * scales[block]!;
  }
  return { codes, numbers };
}

const sines = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));

test("sin(0) … sin(31) in 4 and 8 bits have GGUF's codes", () => {
  const four = quantizeMatrix(sines, [1, 32], { bits: 4, size: 32 });
  const { codes } = expand(four, [1, 32], { bits: 4, size: 32 });
  // GGUF pairs weight j with j + 16 in a byte, here neighbours share one.
  const bytes = Array.from({ length: 16 }, (_, j) => codes[j]! | (codes[j + 16]! << 4));
  assert.equal(Buffer.from(bytes).toString("hex"), "680f2f99f2f0861d1f7be4f0a43b0f5d");
  assert.ok(Math.abs(four.scales[0]! - 0.1249987781) < 1e-8);
  const eight = quantizeMatrix(sines, [1, 32], { bits: 8, size: 32 });
  assert.deepEqual(
    [...eight.values].map((code) => code - 128),
    [
      ...[0, 107, 115, 18, -96, -122, -35, 83, 126, 52, -69, -127, -68, 53, 126, 83],
      ...[-37, -122, -95, 19, 116, 106, -1, -107, -115, -17, 97, 121, 34, -84, -125, -51],
    ],
  );
  assert.ok(Math.abs(eight.scales[0]! - 0.0078739388) < 1e-9);
});

for (const form of forms) {
  const name = `${form.bits} bits, blocks of ${form.size}${form.minimums ? ", minimums" : ""}`;

  test(`rounding to ${name}: within half a step, and again gives the same codes`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 150 }),
        fc.nat(1000),
        fc.constantFrom(1e-30, 1e-3, 1, 1e30),
        (out, inputs, seed, spread) => {
          const random = new Random(seed);
          const weight = Float32Array.from({ length: out * inputs }, (_, i) =>
            i % 7 ? spread * (random.normal() + (seed % 3)) : 0,
          );
          const rounded = quantizeMatrix(weight, [out, inputs], form);
          const { codes, numbers } = expand(rounded, [out, inputs], form);
          const blocks = Math.ceil(inputs / form.size);
          numbers.forEach((value, i) => {
            const block = Math.floor(i / inputs) * blocks + Math.floor((i % inputs) / form.size);
            // Without minimums the least of 4 bits reaches one step further than the greatest.
            const steps = form.bits === 4 && !form.minimums ? 1.001 : 0.501;
            const step = Math.abs(rounded.scales[block]!);
            const ulps = 4e-7 * Math.abs(rounded.minimums?.[block] ?? 0);
            assert.ok(Math.abs(value - weight[i]!) <= steps * step + ulps);
          });
          const again = expand(quantizeMatrix(numbers, [out, inputs], form), [out, inputs], form);
          assert.deepEqual(again.codes, codes);
        },
      ),
    );
  });

  for (const inputs of [96, 130]) {
    test(`products with ${name}, ${inputs} columns, recorded and eager`, async () => {
      await tf.setBackend("cpu");
      const random = new Random(5);
      const normal = (rows: number, columns: number, mean = 0) =>
        float32Tensor(
          [rows, columns],
          Float32Array.from({ length: rows * columns }, () => mean + random.normal()),
        );
      const out = 9;
      const rounded = quantizeMatrix(normal(out, inputs, 0.5).data, [out, inputs], form);
      const { numbers } = expand(rounded, [out, inputs], form);
      const blocks = Math.ceil(inputs / form.size);
      const tensors: Record<string, ProgramTensor> = {
        values: { dtype: "uint8", shape: [out, blocks, (form.size * form.bits) / 8], data: rounded.values },
        scales: float32Tensor([out, blocks], rounded.scales),
        ...(rounded.minimums && { minimums: float32Tensor([out, blocks], rounded.minimums) }),
      };
      const x = normal(5, inputs, 0.2);
      const program = await FrozenProgram.create(
        ({ x, ...weight }) => ({
          y: matMulQuantized(
            x as tf.Tensor2D,
            weight as unknown as { values: tf.Tensor; scales: tf.Tensor },
            form.bits,
          ),
        }),
        { x: { dtype: "float32", shape: [7919, inputs] }, ...tensors },
        { dimensions: { rows: 7919 }, constantOf: (name) => tensors[name] },
      );
      const { y } = await program.run({ x }, ["y"]);
      await program.dispose();
      const eager = matMulQuantized(
        tf.tensor2d(x.data, [5, inputs]),
        Object.fromEntries(
          Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
            name,
            tf.tensor(data as Float32Array, [...shape], dtype === "uint8" ? "int32" : "float32"),
          ]),
        ) as unknown as { values: tf.Tensor; scales: tf.Tensor },
        form.bits,
      ).dataSync();
      for (let row = 0; row < 5; row++) {
        for (let column = 0; column < out; column++) {
          let [exact, reach] = [0, 0];
          for (let k = 0; k < inputs; k++) {
            exact += x.data[row * inputs + k]! * numbers[column * inputs + k]!;
            reach += Math.abs(numbers[column * inputs + k]!);
          }
          const at = row * out + column;
          assert.ok(Math.abs(eager[at]! - exact) < 2e-5 * reach, `eager ${eager[at]} for ${exact}`);
          // Each x is off by half a step of 1/127 of its block's largest, at most; here that is 3.5.
          const off = Math.abs((y.data as Float32Array)[at]! - exact);
          assert.ok(off < (3.5 / 254) * reach, `recorded ${(y.data as Float32Array)[at]} for ${exact}`);
        }
      }
    });
  }
}

for (const form of forms.filter(({ minimums }) => minimums)) {
  test(`a recorded product rounds no more than its minimums, to 8 bits: ${form.bits} bits`, async () => {
    const [out, inputs] = [6, 5 * form.size - 3];
    const blocks = 5;
    const random = new Random(3);
    // Rows that are spread about 0, that lie on one side of it, and that are all alike.
    const means = [0, 0, 0.3, 4, -4, 2];
    const spreads = [1, 0.01, 1, 1, 1, 0];
    const weight = Float32Array.from({ length: out * inputs }, (_, i) => {
      const row = Math.floor(i / inputs);
      return means[row]! + spreads[row]! * random.normal();
    });
    const rounded = quantizeMatrix(weight, [out, inputs], form);
    const tensors: Record<string, ProgramTensor> = {
      values: { dtype: "uint8", shape: [out, blocks, (form.size * form.bits) / 8], data: rounded.values },
      scales: float32Tensor([out, blocks], rounded.scales),
      minimums: float32Tensor([out, blocks], rounded.minimums!),
    };
    const program = await FrozenProgram.create(
      ({ x, ...weight }) => ({
        y: matMulQuantized(
          x as tf.Tensor2D,
          weight as unknown as Record<"values" | "scales" | "minimums", tf.Tensor>,
          form.bits,
        ),
      }),
      { x: { dtype: "float32", shape: [inputs, inputs] }, ...tensors },
      { constantOf: (name) => tensors[name] },
    );
    // One 1 in a row of x is exact in 8 bits: the product reads the weights.
    const x = new Float32Array(inputs * inputs);
    for (let i = 0; i < inputs; i++) x[i * inputs + i] = 1;
    const { y } = await program.run({ x: float32Tensor([inputs, inputs], x) }, ["y"]);
    await program.dispose();
    const { numbers } = expand(rounded, [out, inputs], form);
    for (let row = 0; row < out; row++) {
      const shifts = Array.from({ length: blocks }, (_, i) => {
        const block = row * blocks + i;
        return Math.abs(rounded.minimums![block]! + 2 ** (form.bits - 1) * rounded.scales[block]!);
      });
      const bar = (1.001 * Math.max(...shifts)) / 254 + 1e-5;
      const off = Array.from({ length: inputs }, (_, k) =>
        Math.abs((y.data as Float32Array)[k * out + row]! - numbers[row * inputs + k]!),
      );
      assert.ok(Math.max(...off) <= bar, `row ${row}: ${Math.max(...off)} and ${bar}`);
    }
  });
}

test("blocks of zeros stay zeros", () => {
  for (const form of forms) {
    const { numbers } = expand(quantizeMatrix(new Float32Array(40), [1, 40], form), [1, 40], form);
    assert.ok(numbers.every((value) => value === 0));
  }
});
