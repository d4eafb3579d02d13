import assert from "node:assert/strict";
import { test } from "node:test";
import { type ParameterSource, roundedTensors, roundedWeights } from "../../../src/models/layers/weights";
import { int8Blocks, q4_0, q4_1, q8_0 } from "../../../src/models/quantization/blocks";
import { int8 } from "../../../src/models/quantization/int8";
import { nf4 } from "../../../src/models/quantization/nf4";
import { float32Tensor } from "../../../src/tensors/tensor";

const tensor = float32Tensor([2, 3], Float32Array.of(1, -2, 3, 0.5, 0.25, -1));
const kept = int8Blocks.quantize("q.weight", float32Tensor([2, 3], new Float32Array(6).fill(7)));

/** Weights of which `q.weight` lies in a file in 8-bit blocks; `read` lists the weights that were read as floats. */
function source(): ParameterSource & { read: string[] } {
  const read: string[] = [];
  return {
    read,
    get: (name) => (read.push(name), tensor),
    rounded: (name) => (name === "q.weight" ? { scheme: "int8 blocks", tensors: kept } : undefined),
  };
}

const shapes = { "q.weight": [2, 3], "k.weight": [2, 3] };

test("a weight that its file keeps in the same scheme is taken as it is, others are rounded", () => {
  const parameters = source();
  const weights = roundedWeights(shapes, parameters, () => int8Blocks);
  assert.equal(weights.tensorOf("q.weight.values"), kept["q.weight.values"]);
  assert.equal(weights.tensorOf("q.weight.scales"), kept["q.weight.scales"]);
  assert.deepEqual(parameters.read, []);
  const rounded = int8Blocks.quantize("k.weight", tensor);
  for (const part of ["k.weight.values", "k.weight.scales"])
    assert.deepEqual(weights.tensorOf(part), rounded[part]);
  assert.deepEqual(parameters.read, ["k.weight"]);
});

test("a weight that its file keeps in another scheme is rounded from its values", () => {
  const parameters = source();
  assert.deepEqual(roundedTensors(parameters, int8, "q.weight"), int8.quantize("q.weight", tensor));
  assert.deepEqual(parameters.read, ["q.weight"]);
});

test("a weight that its file keeps in another form of the scheme is rounded to the form of the program", () => {
  const plain = { ...nf4.quantize("q.weight", tensor) };
  delete plain["q.weight.nested_absmax"];
  delete plain["q.weight.nested_offset"];
  plain["q.weight.absmax"] = float32Tensor([1], Float32Array.of(3));
  const parameters: ParameterSource = {
    get: () => tensor,
    rounded: () => ({ scheme: nf4.name, tensors: plain }),
  };
  const weights = roundedWeights(shapes, parameters, () => nf4);
  for (const [part, expected] of Object.entries(nf4.quantize("q.weight", tensor)))
    assert.deepEqual(weights.tensorOf(part), expected);
});

test("schemes have names of their own", () => {
  const names = [int8, int8Blocks, nf4, q4_0, q4_1, q8_0].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
