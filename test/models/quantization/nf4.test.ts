import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { compile } from "../../../src/engine/compile";
import { roundedWeights } from "../../../src/models/layers/weights";
import {
  dequantizeNf4,
  nf4,
  type Nf4Arrays,
  nf4Arrays,
  nf4Tensors,
  quantizeNf4,
} from "../../../src/models/quantization/nf4";
import { Random } from "../../../src/random/random";
import { readSafetensors } from "../../../src/tensors/file";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";
import { fixtures, lacking } from "../../reference";

const llamas = join(fixtures, "tiny-llama");
const lackingLinear = lacking(llamas, "bnb_linear/linear.bnb.safetensors");

/** The names of the weights that a file of bitsandbytes keeps in NF4, with their tensors. */
function stored(path: string) {
  const { tensors } = readSafetensors(path);
  const names = [...tensors.keys()].filter((name) => tensors.has(`${name}.quant_map`));
  return names.map((name) => {
    const part = (suffix: string) => tensors.get(`${name}.${suffix}`)!;
    const state = JSON.parse(
      Buffer.from(part("quant_state.bitsandbytes__nf4").data as Uint8Array).toString(),
    ) as { shape: [number, number]; nested_offset: number };
    const arrays = {
      codes: tensors.get(name)!.data as Uint8Array,
      absmax: part("absmax").data as Uint8Array,
      nested: {
        absmax: part("nested_absmax").data as Float32Array,
        offset: Float32Array.of(state.nested_offset),
      },
    };
    return { name, shape: state.shape, arrays };
  });
}

/** The distance to the next float32. */
const ulp = (value: number) => 2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 23);

/** Files in bitsandbytes' form with the weights that they were rounded from. */
const pairs = lackingLinear
  ? []
  : [
      ["bnb_linear/linear.bnb.safetensors", "bnb_linear/linear.original.safetensors"],
      ...readdirSync(llamas)
        .filter((folder) => !lacking(llamas, `${folder}/nf4/model.safetensors`))
        .map((folder) => [`${folder}/nf4/model.safetensors`, `${folder}/model.safetensors`]),
    ];

test("weights get the codes that bitsandbytes gives them", { skip: lackingLinear }, () => {
  assert.ok(pairs.length > 0);
  for (const [file, original] of pairs) {
    const { tensors } = readSafetensors(join(llamas, original!));
    const all = stored(join(llamas, file!));
    assert.ok(all.length > 0);
    for (const { name, arrays } of all) {
      const { codes, absmax, nested } = quantizeNf4(tensors.get(name)!.data as Float32Array);
      assert.deepEqual(codes, arrays.codes, name);
      assert.deepEqual(absmax, arrays.absmax, name);
      // bitsandbytes' mean of absmax is summed in float32, so that its last bit depends on the order.
      const offset = arrays.nested.offset[0]!;
      const step = ulp(offset);
      assert.ok(Math.abs(nested!.offset[0]! - offset) <= step, name);
      arrays.nested.absmax.forEach((value, i) =>
        assert.ok(Math.abs((nested!.absmax as Float32Array)[i]! - value) <= step, name),
      );
    }
  }
});

test("absmax and values of bitsandbytes' reference, to the bit", { skip: lackingLinear }, () => {
  for (const folder of readdirSync(llamas)) {
    if (lacking(llamas, `${folder}/nf4/expected.safetensors`)) continue;
    const expected = readSafetensors(join(llamas, folder, "nf4/expected.safetensors")).tensors;
    let compared = 0;
    for (const { name, shape, arrays } of stored(join(llamas, folder, "nf4/model.safetensors"))) {
      const module = name.replace(/\.weight$/, "");
      const values = expected.get(`double_quant.dequantised.${module}`);
      if (!values) continue;
      assert.deepEqual(dequantizeNf4(shape, arrays), values.data);
      const plain = expected.get(`plain.absmax.${module}`)!.data as Float32Array;
      assert.deepEqual(
        dequantizeNf4(shape, { codes: arrays.codes, absmax: plain }),
        expected.get(`plain.dequantised.${module}`)!.data,
      );
      compared++;
    }
    assert.ok(compared > 0, folder);
  }
});

for (const device of ["cpu", "tfjs-cpu"] as const) {
  test(`bitsandbytes' linear layer, ${device}`, { skip: lackingLinear }, async () => {
    await tf.setBackend("cpu");
    const [{ name, shape, arrays }] = stored(join(llamas, "bnb_linear/linear.bnb.safetensors")) as [
      ReturnType<typeof stored>[0],
    ];
    const original = readSafetensors(join(llamas, "bnb_linear/linear.original.safetensors")).tensors;
    const tensor = (key: string) => original.get(key) as HostTensor<"float32">;
    const kept = nf4Tensors(name, shape, arrays);
    assert.deepEqual(
      Object.entries(kept).map(([part, { dtype, shape }]) => [part, { dtype, shape }]),
      Object.entries(nf4.specs(name, shape)),
    );
    const weights = roundedWeights(
      { [name]: shape },
      {
        get: () => assert.fail("read as floats"),
        rounded: () => ({ scheme: nf4.name, tensors: kept }),
      },
      () => nf4,
    );
    const parts = Object.fromEntries(Object.keys(kept).map((part) => [part, weights.tensorOf(part)]));
    const inputs = { x: tensor("x"), bias: tensor("layer.bias"), parts };
    const program = await compile(
      ({ x, bias, parts }) => ({
        y: tf.add(weights.linear(parts).apply(x as tf.Tensor2D, "layer"), bias),
      }),
      inputs,
      { device },
    );
    const { y } = await program.run(inputs);
    await program.dispose();
    const expected = tensor("y").data;
    (y.data as Float32Array).forEach((value, i) =>
      assert.ok(Math.abs(value - expected[i]!) <= 1e-5 * (1 + Math.abs(expected[i]!))),
    );
  });
}

test("a block of 64 evenly spaced weights has the codes worked out by hand", () => {
  const weights = Float32Array.from({ length: 64 }, (_, i) => (i - 31.5) / 16);
  const { codes, absmax, nested } = quantizeNf4(weights);
  assert.equal(
    Buffer.from(codes as Uint8Array).toString("hex"),
    "00000111111112222233344445556667788899aaabbbccccddddeeeeeeefffff",
  );
  assert.deepEqual([...absmax, ...nested!.absmax, ...nested!.offset], [0, 0, 1.96875]);
});

test("a weight's tensors: bytes behind an odd number of weights, and back", () => {
  const arrays = quantizeNf4(Float32Array.from({ length: 21 }, (_, i) => Math.sin(i)));
  const tensors = nf4Tensors("q.weight", [3, 7], arrays);
  assert.deepEqual(
    Object.entries(tensors).map(([part, { dtype, shape }]) => [part, { dtype, shape }]),
    Object.entries(nf4.specs("q.weight", [3, 7])),
  );
  const back = nf4Arrays("q.weight", tensors);
  assert.deepEqual(back.codes.subarray(0, 11), arrays.codes);
  assert.deepEqual(dequantizeNf4([3, 7], back), dequantizeNf4([3, 7], arrays));
  const whole = quantizeNf4(new Float32Array(12).fill(1));
  assert.equal(nf4Arrays("q.weight", nf4Tensors("q.weight", [2, 6], whole)).codes, whole.codes);
});

/** Absmax of each block of 64 as its codes restore it, or as they were. */
function values(weights: Float32Array, { nested, ...arrays }: Nf4Arrays): Float32Array {
  return dequantizeNf4([1, weights.length], { ...arrays, ...(nested && { nested }) });
}

test("values are within half the widest gap of the weights, and rounding them again gives the same codes", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 700 }),
      fc.nat(1000),
      fc.constantFrom(1e-20, 1e-3, 1, 1e20),
      (count, seed, spread) => {
        const random = new Random(seed);
        const weights = Float32Array.from({ length: count }, (_, i) =>
          i % 5 ? spread * random.normal() : 0,
        );
        const absmax = Float32Array.from({ length: Math.ceil(count / 64) }, (_, block) =>
          weights.subarray(block * 64, block * 64 + 64).reduce((most, x) => Math.max(most, Math.abs(x)), 0),
        );
        const { codes } = quantizeNf4(weights);
        const exact = values(weights, { codes, absmax });
        exact.forEach((value, i) =>
          assert.ok(Math.abs(value - weights[i]!) <= 0.152 * absmax[i >> 6]!, `${value} for ${weights[i]}`),
        );
        assert.deepEqual(quantizeNf4(exact).codes, codes);
        // Double quantisation moves absmax by at most half the widest gap of its map, as a share of the largest deviation.
        const doubled = values(weights, quantizeNf4(weights));
        const mean = absmax.reduce((sum, x) => sum + x, 0) / absmax.length;
        const reach = absmax.reduce((most, x) => Math.max(most, Math.abs(x - mean)), 0);
        doubled.forEach((value, i) => assert.ok(Math.abs(value - exact[i]!) <= 0.0072 * reach + 1e-6 * mean));
      },
    ),
  );
});

test("the relative error of Gaussian weights is that of the paper's type", () => {
  const random = new Random(1);
  const weights = Float32Array.from({ length: 64 * 512 }, () => random.normal());
  const rounded = values(weights, quantizeNf4(weights));
  const norm = (of: (value: number, i: number) => number) =>
    Math.sqrt(weights.reduce((sum, value, i) => sum + of(value, i) ** 2, 0));
  const error = norm((value, i) => value - rounded[i]!) / norm((value) => value);
  assert.ok(Math.abs(error - 0.092) < 0.002, `${error}`);
});

test("weights of zeros stay zeros", () => {
  for (const count of [1, 64, 100]) {
    const weights = new Float32Array(count);
    assert.ok(values(weights, quantizeNf4(weights)).every((value) => value === 0));
  }
  assert.equal(
    float32Tensor([0], values(new Float32Array(0), quantizeNf4(new Float32Array(0)))).data.length,
    0,
  );
});
