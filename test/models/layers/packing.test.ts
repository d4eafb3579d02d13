import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { linearChain } from "../../../src/models/layers/linear";
import { packedLink, packedShapes, packedSource } from "../../../src/models/layers/packing";
import type { RoundedWeight } from "../../../src/models/layers/weights";
import { q4_1, q8_0 } from "../../../src/models/quantization/blocks";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";

const SHAPES = { "a.weight": [3, 32], "b.weight": [5, 32], "c.weight": [2, 2] };
const GROUPS = { ab: ["a", "b"] };

const weights = new Map<string, HostTensor<"float32">>(
  Object.entries(SHAPES).map(([name, [out, inputs]], k) => [
    name,
    float32Tensor(
      [out!, inputs!],
      Float32Array.from({ length: out! * inputs! }, (_, i) => Math.sin(i + 10 * k)),
    ),
  ]),
);

test("the layers of a group are one, their rows one below the other", () => {
  assert.deepEqual(packedShapes(SHAPES, GROUPS), { "c.weight": [2, 2], "ab.weight": [8, 32] });
  const source = packedSource(weights, GROUPS);
  const packed = source.get("ab.weight")!;
  assert.deepEqual(packed.shape, [8, 32]);
  assert.deepEqual([...packed.data], [...weights.get("a.weight")!.data, ...weights.get("b.weight")!.data]);
  assert.equal(source.get("c.weight"), weights.get("c.weight"));
  assert.equal(packedSource(new Map(), GROUPS).get("ab.weight"), undefined);
});

test("rounded layers stay rounded together if they are of one form, else not", () => {
  const rounded = (name: string, scheme: typeof q4_1): RoundedWeight => ({
    scheme: scheme.name,
    tensors: scheme.quantize(name, weights.get(name)!),
  });
  const sourceOf = (kept: Record<string, RoundedWeight>) =>
    packedSource({ get: () => undefined, rounded: (name) => kept[name] }, GROUPS);
  const [a, b] = [rounded("a.weight", q4_1), rounded("b.weight", q4_1)];
  const packed = sourceOf({ "a.weight": a, "b.weight": b }).rounded!("ab.weight")!;
  assert.equal(packed.scheme, "Q4_1");
  for (const part of ["values", "scales", "minimums"]) {
    const { shape, data } = packed.tensors[`ab.weight.${part}`]!;
    assert.equal(shape[0], 8);
    assert.deepEqual(
      [...data],
      [...a.tensors[`a.weight.${part}`]!.data, ...b.tensors[`b.weight.${part}`]!.data],
    );
  }
  for (const kept of [{ "a.weight": a }, { "a.weight": a, "b.weight": rounded("b.weight", q8_0) }])
    assert.equal(sourceOf(kept as Record<string, RoundedWeight>).rounded!("ab.weight"), undefined);
});

test("a layer of a group is its part of the group's product", async () => {
  await tf.setBackend("cpu");
  const tensor = ({ shape, data }: HostTensor<"float32">) => tf.tensor(data, [...shape]);
  const x = tf.reshape(tf.range(0, 64), [2, 32]) as tf.Tensor2D;
  const plain = linearChain(Object.fromEntries([...weights].map(([name, weight]) => [name, tensor(weight)])));
  const packed = linearChain(
    { "ab.weight": tensor(packedSource(weights, GROUPS).get("ab.weight")!) },
    packedLink(SHAPES, GROUPS),
  );
  for (const name of ["a", "b"])
    assert.deepEqual([...packed.apply(x, name).dataSync()], [...plain.apply(x, name).dataSync()]);
  assert.equal(packed.denseWeight("a"), undefined);
});
