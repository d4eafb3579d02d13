import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toFloat16Bits } from "../../src/tensors/half";
import { toFloat32 } from "../../src/tensors/tensor";

const value = (bits: number) => toFloat32({ dtype: "float16", shape: [1], data: Uint16Array.of(bits) })[0]!;

test("every half-precision value keeps its bits, and NaN stays NaN", () => {
  for (let bits = 0; bits < 1 << 16; bits++) {
    const float = value(bits);
    const [half] = toFloat16Bits(Float32Array.of(float));
    if (Number.isNaN(float)) assert.ok(Number.isNaN(value(half!)));
    else assert.equal(half, bits);
  }
});

test("other values go to the nearest half, ties to the even one", () => {
  assert.deepEqual(
    [...toFloat16Bits(Float32Array.of(65519, 65520, -1e9, 2 ** -25, 1.5 * 2 ** -25, 1 + 2 ** -11))],
    [0x7bff, 0x7c00, 0xfc00, 0, 1, 0x3c00],
  );
  fc.assert(
    fc.property(fc.float({ min: -65504, max: 65504, noNaN: true, noDefaultInfinity: true }), (float) => {
      const bits = toFloat16Bits(Float32Array.of(float))[0]!;
      const error = Math.abs(value(bits) - float);
      for (const neighbour of [bits - 1, bits + 1]) {
        const other = value(neighbour & 0xffff);
        if (Number.isFinite(other)) assert.ok(error <= Math.abs(other - float));
      }
    }),
  );
});
