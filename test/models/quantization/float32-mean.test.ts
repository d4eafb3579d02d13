import assert from "node:assert/strict";
import { test } from "node:test";
import { float32Mean } from "../../../src/models/quantization/float32-mean";

/** 1 and then many numbers that vanish beside it, or do not, as the order of the sum has it. */
const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => (i ? 2 ** -24 : 1));

test("the mean has the bits of PyTorch's order of summing", () => {
  // torch.tensor([1] + [2 ** -24] * (count - 1)).mean() * count, less 1, in units of 2^-24
  const expected = { 1: 0, 2: 0, 7: 0, 9: 0, 33: 28, 100: 100, 600: 588, 5000: 4976 };
  for (const [count, units] of Object.entries(expected)) {
    const mean = float32Mean(numbers(Number(count)));
    assert.equal(mean, Math.fround((1 + units * 2 ** -24) / Number(count)), `${count} numbers`);
  }
});
