import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import { int8Product, int8Weight } from "../../src/engine/ops/int8-product";
import type { ProgramTensor } from "../../src/engine/tensors";
import { Random } from "../../src/random/random";
import { on } from "./device";

const random = new Random(3);
const matrix = (rows: number, columns: number, spread: (row: number) => number) => {
  const data = Float32Array.from(
    { length: rows * columns },
    (_, i) => spread(Math.floor(i / columns)) * random.normal(),
  );
  return { dtype: "float32", shape: [rows, columns], data } as const;
};
const [ROWS, IN, OUT] = [6, 20, 9];
const weight = matrix(OUT, IN, () => 0.3);
weight.data.fill(0, 3 * IN, 4 * IN); // an output that is always 0
const { transposed, straight } = int8Weight(weight.data, [OUT, IN]);

test("weights are rounded to the nearest of 255 steps of each column", () => {
  const largest = (values: Int8Array, columns: number, column: number) =>
    Math.max(...values.filter((_, i) => i % columns === column).map(Math.abs));
  for (let row = 0; row < OUT; row++) {
    assert.equal(largest(transposed.values, OUT, row), row === 3 ? 0 : 127);
    for (let column = 0; column < IN; column++) {
      const value = weight.data[row * IN + column]!;
      const near = (matrix: { values: Int8Array; scales: Float32Array }, at: number, scaleAt: number) => {
        const scale = matrix.scales[scaleAt]!;
        assert.ok(Math.abs(matrix.values[at]! * scale - value) <= scale * 0.5001);
      };
      near(transposed, column * OUT + row, row);
      near(straight, row * IN + column, column);
    }
  }
  for (let column = 0; column < IN; column++) assert.equal(largest(straight.values, IN, column), 127);
});

/** Sums over k of a[i, k] b[k, j], and of |a|'s row maximum times |b[k, j]|, by definition. */
function productAndReach(
  a: Float32Array,
  rows: number,
  b: (k: number, j: number) => number,
  columns: number,
) {
  const inner = a.length / rows;
  const result: { value: number; reach: number }[] = [];
  for (let i = 0; i < rows; i++) {
    const row = [...a.subarray(i * inner, (i + 1) * inner)];
    const most = Math.max(...row.map(Math.abs));
    for (let j = 0; j < columns; j++) {
      let [value, reach] = [0, 0];
      row.forEach((x, k) => {
        value += x * b(k, j);
        reach += most * Math.abs(b(k, j));
      });
      result.push({ value, reach });
    }
  }
  return result;
}

for (const device of ["cpu", "tfjs-cpu"] as const) {
  test(`x Wᵀ and dy W of rounded weights, rows of any size, ${device}`, async () => {
    await tf.setBackend("cpu");
    const size = (row: number) => [1e-6, 1, 300, 0, 1e-3, 20][row]!;
    const x = matrix(ROWS, IN, size);
    const dy = matrix(ROWS, OUT, (row) => size(ROWS - 1 - row));
    const tensor = (data: Int8Array | Float32Array, ...shape: number[]): ProgramTensor => ({
      dtype: data instanceof Int8Array ? "int8" : "float32",
      shape,
      data,
    });
    const inputs = {
      x,
      dy,
      transposed: { values: tensor(transposed.values, IN, OUT), scales: tensor(transposed.scales, OUT) },
      straight: { values: tensor(straight.values, OUT, IN), scales: tensor(straight.scales, IN) },
    };
    const program = await compile(
      ({ x, dy, transposed, straight }) => {
        const apply = (x: tf.Tensor) => int8Product(x as tf.Tensor2D, { transposed, straight });
        return { y: apply(x), dx: tf.grad(apply)(x, dy) };
      },
      inputs,
      on(device),
    );
    const { y, dx } = await program.run(inputs);
    await program.dispose();
    // A row's elements are off by half a step of 1/255 of twice its largest, at most.
    const share = device === "cpu" ? 1.01 / 255 : 1e-6;
    const forward = (k: number, j: number) => transposed.values[k * OUT + j]! * transposed.scales[j]!;
    const backward = (k: number, j: number) => straight.values[k * IN + j]! * straight.scales[j]!;
    const cases = [
      { name: "y", actual: y, expected: productAndReach(x.data, ROWS, forward, OUT) },
      { name: "dx", actual: dx, expected: productAndReach(dy.data, ROWS, backward, IN) },
    ];
    for (const { name, actual, expected } of cases) {
      expected.forEach(({ value, reach }, i) => {
        const off = Math.abs((actual.data as Float32Array)[i]! - value);
        assert.ok(off <= share * reach + 1e-12, `${name}[${i}] is off by ${off}, reach ${reach}`);
      });
    }
  });
}
